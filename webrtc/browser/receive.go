package browser

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/carillon-cc/carillon/media"
)

// Receive reads one datagram without waiting and says when the kernel got it,
// on the clock of media.Now, so that a reader who is late does not make the
// network look slow. The socket needs the option SO_TIMESTAMPNS; control is room
// for the kernel's stamp, 64 bytes at least.
func Receive(fd int, buf, control []byte) (n int, at time.Duration, err error) {
	vector := unix.Iovec{Base: &buf[0]}
	vector.SetLen(len(buf))
	header := unix.Msghdr{Iov: &vector, Control: &control[0]}
	header.SetIovlen(1)
	header.SetControllen(len(control))
	got, _, errno := unix.Syscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&header)), unix.MSG_DONTWAIT)
	if errno != 0 {
		return 0, 0, errno
	}
	now := media.Now()
	if header.Controllen >= uint64(unix.CmsgSpace(int(unsafe.Sizeof(unix.Timespec{})))) {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
		if h.Level == unix.SOL_SOCKET && h.Type == unix.SCM_TIMESTAMPNS {
			stamp := (*unix.Timespec)(unsafe.Pointer(&control[unix.CmsgLen(0)]))
			return int(got), now - time.Since(time.Unix(stamp.Unix())), nil
		}
	}
	return int(got), now, nil
}
