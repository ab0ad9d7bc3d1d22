"""Language models that mix tokens with the resolvent of a tridiagonal operator, in linear time.

Begin with `resnet_bk.model.config.preset`, `resnet_bk.model.lm.ResNetBK` and `resnet_bk.core.resolvent`; in a shell, with
`resnet-bk --help`. Every module is made from a notebook of the same name in `nbs`.
"""

__version__ = "0.1.0"
