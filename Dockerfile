# syntax=docker/dockerfile:1

# The scripts and styles of the pages.
FROM node:22-bookworm-slim AS pages
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY static static
COPY ui ui
RUN npm run build

# One binary that carries the pages.
FROM golang:1.26-bookworm AS binary
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=pages /src/static/dist static/dist
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags='-s -w' -o /carillon .

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates espeak-ng ffmpeg tzdata \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 990 --home-dir /data --shell /usr/sbin/nologin carillon \
 && install -d -o carillon -g carillon -m 0750 /data
COPY --from=binary /carillon /usr/local/bin/carillon
USER carillon
ENV CARILLON_DATA=/data
VOLUME /data
# Web; SIP; the media of all browsers. The RTP ports of telephones are too many to publish one by one:
# give the container the host's network (see compose.yaml).
EXPOSE 8080/tcp 5060/udp 5060/tcp 8443/udp 8443/tcp
# The image has no HTTP client, the shell's own socket will do.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
# Running calls are finished before the process ends.
STOPSIGNAL SIGTERM
ENTRYPOINT ["carillon"]
CMD ["serve"]
