"""Language models that mix tokens with the resolvent of a tridiagonal operator, in linear time.

Begin with `resnet_bk.preset`, `resnet_bk.ResNetBK`, `resnet_bk.load_run` and `resnet_bk.resolvent_mix`; in a shell, with
`resnet-bk --help`. Every module is made from a notebook of the same name in `nbs`.
"""

__version__ = "0.1.0"

_HOMES = dict(
    ResNetBK="model.lm",
    ResNetBKConfig="model.config",
    preset="model.config",
    load_corpus="train.corpora",
    load_run="train.checkpoint",
    green_diagonal="core.resolvent",
    resolvent_mix="core.resolvent",
)


def __getattr__(name: str):
    "A name that one begins with, from its module when it is asked for: the import of the package alone stays quick."
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__():
    return sorted([*globals(), *_HOMES])
