# docker build -t relayctl . && docker run -p 8443:8443 relayctl listen
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /root-of-image/usr/bin/relayctl ./cmd/relayctl
# What a program finds at home: certificates to trust, and a folder to write to.
RUN packaging/rootfs /etc/ssl/certs/ca-certificates.crt /root-of-image

FROM scratch
COPY --from=build --chown=65532:65532 /root-of-image/ /
USER 65532:65532
WORKDIR /work
# In a container, loopback cannot be reached from outside: -p maps to the container's address.
ENV RELAYCTL_ADDR=0.0.0.0:8443 XDG_CONFIG_HOME=/config
VOLUME ["/config"]
EXPOSE 8443
LABEL org.opencontainers.image.title="relayctl" \
      org.opencontainers.image.description="Plays both ends of Relay's push-event webhook"
ENTRYPOINT ["/usr/bin/relayctl"]
