# Needs python3 (3.11 or later), make, and the package registries for the first run. `make` lists the targets.

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The settings with which `check --deploy` must give no warnings; nothing connects to these addresses.
PRODUCTION := DATABASE_URL=postgresql://site@localhost/site ALLOWED_HOSTS=data.example.org \
	PUBLIC_URL=https://data.example.org TRUST_PROXY=1 SERVICE_ID=org.example.data \
	SERVICE_CONTACT_URL=mailto:data@example.org

# The tests that `make check` runs: quick ones, which start no server or other program except PostgreSQL.
QUICK_TESTS := tests/test_house.py tests/catalogue/formats tests/catalogue/test_models.py tests/ga4gh tests/seqcol_app \
	tests/refget_app tests/htsget_app/test_params.py tests/htsgetsite/test_architecture.py \
	tests/htsgetsite/test_settings.py tests/htsgetsite/test_environment.py --ignore-glob='*in_s3*' \
	--ignore-glob='*random*' --ignore-glob='*index_queries*'

.PHONY: help demo check test test-long lint check-migrations format bench env pin clean

help:
	@echo 'make demo [PORT=8000]  a demonstration server: environment, database, data, http://127.0.0.1:$$PORT'
	@echo 'make check             linters and the quick tests: before every commit, in under a minute'
	@echo 'make test              linters and the whole test suite'
	@echo 'make test-long         the long random searches that `make test` leaves out'
	@echo 'make lint              linters, types, imports, migrations and deployment checks only'
	@echo 'make format            format the code'
	@echo 'make bench             run the measurements of docs/benchmarks.md'
	@echo 'make env               write a new .env for docker compose'
	@echo 'make pin               pin the images of docker compose to their digests, in .env'
	@echo 'make clean             remove the environment and caches; data in var/ stay'

demo: $(VENV)/.installed
	@PORT='$(PORT)' exec $(BIN)/python manage.py demo

check: lint
	$(BIN)/python -m pytest -q -n auto $(QUICK_TESTS)

test: lint
	$(BIN)/python -m pytest -q -n auto --dist loadfile

test-long: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -q -n auto -m long

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --silent check-migrations
	@home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && set -x && \
	HTSGETSITE_HOME="$$home" $(PRODUCTION) SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))') \
		$(BIN)/python manage.py check --deploy --fail-level WARNING

check-migrations: $(VENV)/.installed-dev
	@home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && set -x && \
	HTSGETSITE_HOME="$$home" $(BIN)/python manage.py makemigrations --check --dry-run

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Those that need wrk, nginx or samtools say so if it is missing.
BENCHES := refget_slices refget_stream refget_lookup ingest_fasta ingest_rows ingest_files ingest_file_rows many_files htsget_tickets htsget_inline htsget_beside htsget_rewritten s3_tickets access seqcol \
	file_search verify_files annotation_queries ingest_annotation desk_pages portal_pages api_lists

bench: $(VENV)/.installed-dev
	@for name in $(BENCHES); do echo "== $$name"; $(BIN)/python -m bench.$$name || exit 1; done

env:
	@test ! -e .env || { echo '.env exists already; remove it first'; exit 1; }
	@umask 077; $(PYTHON) -c 'import secrets; print("SECRET_KEY=" + secrets.token_urlsafe(64)); \
		print("POSTGRES_PASSWORD=" + secrets.token_urlsafe(32)); \
		print("STORE_ROOT_PASSWORD=" + secrets.token_urlsafe(32)); \
		print("STORE_ACCESS_KEY=" + secrets.token_hex(10)); print("STORE_SECRET_KEY=" + secrets.token_hex(20))' > .env
	@echo 'Wrote .env with new secrets; add ALLOWED_HOSTS and PUBLIC_URL for names other than localhost.'

# A tag can get another image, a digest cannot. The lines in .env override the tags of docker-compose.yml.
IMAGES := PYTHON_IMAGE=python:3.11-slim POSTGRES_IMAGE=postgres:17 NGINX_IMAGE=nginx:1.28 \
	MINIO_IMAGE=minio/minio:RELEASE.2025-04-22T22-12-26Z MC_IMAGE=minio/mc:RELEASE.2025-04-16T18-13-26Z \
	PROMETHEUS_IMAGE=prom/prometheus:v3.5.0

pin:
	@for each in $(IMAGES); do \
		digest=$$(docker buildx imagetools inspect "$${each#*=}" --format '{{.Manifest.Digest}}') || exit 1; \
		echo "$$each@$$digest"; \
	done > .env.images
	@test ! -e .env || grep -v '_IMAGE=' .env > .env.rest; umask 077; \
		cat .env.rest .env.images > .env.new 2>/dev/null || cp .env.images .env.new; \
		mv .env.new .env; rm -f .env.rest .env.images; grep '_IMAGE=' .env

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt requirements-traces.txt requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --requirement requirements-dev.txt
	@$(MAKE) --silent -C tests clients PYTHON=../$(BIN)/python FOLDER=../$(VENV)/clients
	@touch $(VENV)/.installed $@
