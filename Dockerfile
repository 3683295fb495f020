# Every service of Homeport in one image; `docker run homeport run NAME` starts one.
#
#   docker buildx build --sbom=true --tag homeport:0.1.0 .
#
# Where RUN reaches no package index, put the wheels into the folder wheels/ and give
#   --build-arg PIP_OPTIONS="--no-index --find-links=/source/wheels"

ARG BASE=python:3.11-slim-bookworm

# hadolint ignore=DL3006
FROM ${BASE} AS build
ARG PIP_OPTIONS=""
ARG EXTRAS="traces"
WORKDIR /source
COPY . .
RUN python3 -m venv /opt/homeport \
    && /opt/homeport/bin/python -m pip install --no-cache-dir ${PIP_OPTIONS} \
        --constraint constraints.txt ".[${EXTRAS}]" \
    && python3 -m venv /tools \
    && /tools/bin/python -m pip install --no-cache-dir ${PIP_OPTIONS} cyclonedx-bom \
    && /opt/homeport/bin/python -m pip uninstall --yes pip setuptools \
    && /tools/bin/cyclonedx-py environment --pyproject pyproject.toml \
        --output-reproducible --output-file /opt/homeport/sbom.cdx.json \
        /opt/homeport/bin/python

# hadolint ignore=DL3006
FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=""
LABEL org.opencontainers.image.title="Homeport" \
      org.opencontainers.image.description="Brings LwM2M devices home" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/homeport /opt/homeport
# DTLS handshakes are the system's OpenSSL's: an image without it is of no use.
RUN ["/opt/homeport/bin/python", "-c", "import ctypes; ctypes.CDLL('libssl.so.3')"]
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
# 5684, 5784: CoAP over DTLS and TLS; 8080: REST; 8081: probes and metrics
EXPOSE 5684/udp 5684/tcp 5784/udp 5784/tcp 8080/tcp 8081/tcp
ENTRYPOINT ["/opt/homeport/bin/homeport"]
CMD ["--help"]
