# docker build -t loadplan . && docker run --rm -v "$PWD:/work" loadplan validate plans/quickstart/plan.yaml
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY loadplan ./loadplan
COPY schemas ./schemas
RUN python -m venv /opt/loadplan && /opt/loadplan/bin/pip install --no-cache-dir ".[engine,fast,jwt,postgres,zstd]"

FROM python:3.12-slim
COPY --from=build /opt/loadplan /opt/loadplan
RUN useradd --uid 10001 --no-create-home --home-dir /tmp loadplan && mkdir /work && chown loadplan /work
ENV PATH=/opt/loadplan/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
WORKDIR /work
# Exec form: loadplan is process 1, and a `docker stop` reaches it.
ENTRYPOINT ["loadplan"]
CMD ["--help"]
