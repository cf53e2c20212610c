package sipgw

import (
	"context"
	"log/slog"
)

// QuietLog makes a logger for sipgo, which logs whole messages as errors when it
// cannot read them: that would let anybody fill the log, and with telephone
// numbers. All it says goes out at debug level.
func QuietLog(l *slog.Logger) *slog.Logger { return slog.New(quiet{l.Handler()}) }

type quiet struct{ to slog.Handler }

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	// What sipgo itself takes for debugging is too much at any level of ours.
	return level >= slog.LevelInfo && q.to.Enabled(ctx, slog.LevelDebug)
}

func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	r.Level = slog.LevelDebug
	return q.to.Handle(ctx, r)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.to.WithAttrs(attrs)} }

func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.to.WithGroup(name)} }
