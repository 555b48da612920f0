# The daemon on debian:bookworm-slim: `docker build -t gatherd .`, then `docker run -p 127.0.0.1:7117:7117 gatherd`.

FROM debian:bookworm-slim AS build
# The packages first: a change of the sources does not install them again.
WORKDIR /src
COPY scripts/install-deps.sh scripts/
RUN scripts/install-deps.sh build clang
COPY . .
# clang's coroutines are faster than those of Debian's g++. PRESET=release builds with the latter.
ARG PRESET=clang
RUN cmake --preset "$PRESET" -DBUILD_TESTING=OFF -DCMAKE_UNITY_BUILD=ON \
    && cmake --build --preset "$PRESET" --parallel "$(scripts/build-jobs.sh)" --target gatherd \
    && install --strip -D "build/$PRESET/gatherd" /out/gatherd

FROM debian:bookworm-slim
# What the daemon links to, and nothing that builds.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates libc-ares2 libcurl4 libmicrohttpd12 libncursesw6 libprometheus-cpp-core1.0 libre2-9 libsimdjson14 \
        libspdlog1.10 libssl3 libstdc++6 libsystemd0 libtbb12 \
        libxxhash0 zlib1g \
    && rm -rf /var/cache/apt/* /var/lib/apt/lists/*
COPY --from=build /out/gatherd /usr/local/bin/gatherd
# By number, so that an orchestrator can see that it is not root.
USER 10001:10001
EXPOSE 7117
# SIGTERM drains: what was accepted is answered first.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 CMD ["/usr/local/bin/gatherd", "ping"]
ENTRYPOINT ["/usr/local/bin/gatherd"]
# Inside a container all addresses are the container's own: what may reach them is decided where the port is published.
CMD ["serve", "--listen", "0.0.0.0:7117", "--auth.open", "yes"]
