ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
COPY deploy/requirements.txt deploy/requirements-build.txt deploy/
RUN python -m venv /opt/build \
    && /opt/build/bin/pip install --require-hashes -r deploy/requirements-build.txt \
    && python -m venv --without-pip /opt/reviewer \
    && pip --python /opt/reviewer/bin/python install --require-hashes -r deploy/requirements.txt
COPY pyproject.toml ./
COPY reviewer reviewer
COPY rubrics rubrics
# The wheel's dependencies are already in place, pinned by hash: resolving again could only add others.
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && pip --python /opt/reviewer/bin/python install --no-deps --no-index /wheels/*.whl \
    && /opt/reviewer/bin/python -m compileall -q /opt/reviewer/lib \
    && mkdir /var/lib/reviewer

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="oversight-reviewer" \
      org.opencontainers.image.description="Reviews high-risk draft answers with a second model before they are sent" \
      org.opencontainers.image.version="0.1.0"
ENV PATH=/opt/reviewer/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    REVIEWER_LEDGER__PATH=/var/lib/reviewer/log.db
COPY --from=builder /opt/reviewer /opt/reviewer
# Numeric, so that an orchestrator can see that it is not root; the volume inherits the owner.
COPY --from=builder --chown=10001:10001 /var/lib/reviewer /var/lib/reviewer
USER 10001:10001
VOLUME ["/var/lib/reviewer"]
EXPOSE 50051
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["reviewer", "health"]
ENTRYPOINT ["reviewer"]
CMD ["serve"]
