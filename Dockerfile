# The library, its notebooks and their tools, with the versions of constraints.txt. It runs on the CPU; a GPU is used where
# one is given to the container (compose.yaml, profile gpu).
#
#   docker build -t resnet-bk .
#
# On x86-64 pip's own index has torch with CUDA, several gigabytes. A smaller image for the CPU alone, or another CUDA, comes
# from PyTorch's wheel index for it, whose address PyTorch's installation page gives:
#
#   docker build -t resnet-bk --build-arg TORCH_INDEX=ADDRESS .

ARG PYTHON=3.11
FROM python:${PYTHON}-slim

# Triton on a GPU and `--compile true` build small programs while they run; nothing else needs a compiler.
RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*

# Files in the mounted folders belong to this user: give your own id where it is not 1000 (`id -u`).
ARG UID=1000
RUN useradd --create-home --uid "${UID}" bk
WORKDIR /resnet-bk

# What is installed depends on these files alone, so a change of the code reuses the two large layers.
COPY constraints.txt settings.ini setup.py ./

ARG TORCH_INDEX=""
RUN pip install --no-cache-dir -c constraints.txt ${TORCH_INDEX:+--extra-index-url "${TORCH_INDEX}"} torch
RUN pip install --no-cache-dir -c constraints.txt '.[dev]' && rm -rf build

COPY --chown=bk:bk README.md LICENSE ./
COPY --chown=bk:bk nbs nbs
COPY --chown=bk:bk resnet_bk resnet_bk
RUN pip install --no-cache-dir --no-deps --force-reinstall -e . \
    && mkdir data runs \
    && chown bk:bk . data runs

USER bk
ENV RESNET_BK_DATA=/resnet-bk/data
CMD ["resnet-bk", "info"]
