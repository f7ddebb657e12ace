# docker build -t latente .
# docker run --rm -v "$PWD:/work" --user "$(id -u):$(id -g)" latente run study.toml --out out
# docker run --rm -v "$PWD:/work" --user "$(id -u):$(id -g)" latente explore out/runs/vae/seed-0 --export page.html
FROM python:3.13-slim AS build
RUN pip install --no-cache-dir build
COPY . /source
RUN python -m build --wheel --outdir /wheels /source

FROM python:3.13-slim
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir "$(echo /wheels/*.whl)[parquet,explorer]" && rm -rf /wheels \
    && useradd --create-home --shell /usr/sbin/nologin latente
USER latente
# Compiled programs and downloaded data sets; writable by any user that the container is started as.
ENV XDG_CACHE_HOME=/tmp/cache HOME=/tmp JAX_PLATFORMS=cpu
WORKDIR /work
ENTRYPOINT ["latente"]
CMD ["--help"]
