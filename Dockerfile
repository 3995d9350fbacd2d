# The daemon (and the simulator) in an image that holds what they need to run, and nothing else.
#
#   docker build -t mute-orchestrator .
#
# Everything that is installed is pinned and checked by its hash: requirements.run.lock is what runs,
# requirements.build.lock is what builds the package. `make lock` renews both.

FROM python:3.12-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

COPY requirements.build.lock requirements.run.lock ./
RUN python -m venv /opt/build \
 && /opt/build/bin/pip install --no-deps --require-hashes --only-binary :all: -r requirements.build.lock \
 && python -m venv --without-pip /opt/mute-orchestrator \
 && pip --python /opt/mute-orchestrator/bin/python install --no-deps --require-hashes --only-binary :all: -r requirements.run.lock

COPY pyproject.toml README.md LICENSE ./
COPY orchestrator orchestrator
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && pip --python /opt/mute-orchestrator/bin/python install --no-deps --no-index dist/*.whl


FROM python:3.12-slim
RUN useradd --uid 10001 --user-group --create-home --home-dir /var/lib/mute-orchestrator --shell /usr/sbin/nologin mute \
 && install -d -o mute -g mute -m 700 /var/lib/mute-orchestrator/data
COPY --from=build /opt/mute-orchestrator /opt/mute-orchestrator

# Settings that only make sense in a container. They win over a configuration file, as the environment does.
ENV PATH=/opt/mute-orchestrator/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    ORCHESTRATOR_DATA_DIR=/var/lib/mute-orchestrator/data \
    ORCHESTRATOR_HTTP__HOST=0.0.0.0 \
    ORCHESTRATOR_HTTP__PORT=8080 \
    ORCHESTRATOR_LOG__FORMAT=json

USER mute
WORKDIR /var/lib/mute-orchestrator
EXPOSE 8080
STOPSIGNAL SIGTERM

# Alive, not ready: restarting the daemon does not bring back a feed or a Redis that is away. A file may have given it a
# certificate, so both are tried; whose that is does not matter here.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD for scheme in http https; do \
            python -c "import os, ssl, sys, urllib.request; urllib.request.urlopen('%s://127.0.0.1:%s/livez' % (sys.argv[1], os.environ['ORCHESTRATOR_HTTP__PORT']), timeout=2, context=ssl._create_unverified_context())" "$scheme" && exit; \
        done; exit 1

# Configured by the environment alone; or mount a file and add: --config /etc/mute-orchestrator/orchestrator.toml
CMD ["mute-orchestrator", "run"]
