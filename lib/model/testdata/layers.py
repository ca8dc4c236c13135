"""Makes layers.npz: what PyTorch computes with each kind of layer of a list, in double precision.

python lib/model/testdata/layers.py, from the repository's root; made with torch 2.15.0 on the CPU and numpy 2.4.6.

For each case NAME the archive has
  NAME/spec      JSON as bytes: layers (a list as lib/model/layerList.ts reads it), inputShape, numClasses, normalize
  NAME/images    [B, C, H, W] in [0, 1], and NAME/labels [B]
  NAME/state/*   the state_dict of nn.Sequential, in its order
  NAME/loss      the mean cross-entropy L
  NAME/gradient  dL/dw, the parameters one after the other
  NAME/second    the derivative of 0.5 |dL/dw|^2 with respect to the images
"""
import json
from pathlib import Path

import numpy as np
import torch
from torch import nn


class Residual(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body = body
        self.shortcut = shortcut

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


def window(of, options):
    given = {"kernel": options} if isinstance(options, int) else options
    names = {"kernel": "kernel_size", "stride": "stride", "padding": "padding"}
    return of(**{names[name]: value for name, value in given.items()})


def affine(options):
    return {name: options[name] for name in ("eps", "affine") if name in options}


def layer_of(spec, shape):
    """The PyTorch module that a layer of a list stands for, on images or features of a shape."""
    if isinstance(spec, str):
        spec = {spec: {}}
    ((name, options),) = spec.items()
    channels = shape[0]
    if name == "conv2d":
        more = {key: options[key] for key in ("stride", "padding", "groups", "bias") if key in options}
        return nn.Conv2d(channels, options["out"], options["kernel"], **more)
    if name == "linear":
        given = {"out": options} if isinstance(options, int) else options
        return nn.Linear(channels, given["out"], bias=given.get("bias", True))
    if name == "maxPool2d":
        return window(nn.MaxPool2d, options)
    if name == "avgPool2d":
        return window(nn.AvgPool2d, options)
    if name == "adaptiveAvgPool2d":
        return nn.AdaptiveAvgPool2d(options)
    if name == "leakyRelu":
        return nn.LeakyReLU(options) if options else nn.LeakyReLU()
    if name == "groupNorm":
        given = {"groups": options} if isinstance(options, int) else options
        return nn.GroupNorm(given["groups"], channels, **affine(given))
    if name == "layerNorm":
        return nn.LayerNorm(shape)
    if name == "batchNorm1d":
        return nn.BatchNorm1d(channels, **affine(options))
    if name == "batchNorm2d":
        return nn.BatchNorm2d(channels, **affine(options))
    if name == "residual":
        given = {"body": options} if isinstance(options, list) else options
        body = chain(given["body"], shape)
        return Residual(body, chain(given.get("shortcut", []), shape))
    words = {
        "relu": nn.ReLU,
        "tanh": nn.Tanh,
        "sigmoid": nn.Sigmoid,
        "silu": nn.SiLU,
        "gelu": nn.GELU,
        "flatten": nn.Flatten,
        "dropout": nn.Dropout,
    }
    return words[name]()


def chain(layers, shape):
    modules = []
    for spec in layers:
        module = layer_of(spec, list(shape)).double().eval()
        shape = module(torch.zeros(1, *shape, dtype=torch.float64)).shape[1:]
        modules.append(module)
    return nn.Sequential(*modules)


CASES = {
    "convolutions": dict(
        inputShape=[2, 8, 8],
        layers=[
            {"conv2d": {"out": 4, "kernel": 3, "padding": 1, "groups": 2}},
            {"leakyRelu": 0.2},
            {"conv2d": {"out": 4, "kernel": 3, "stride": 2, "groups": 4, "bias": False}},
            "leakyRelu",
            "flatten",
            "dropout",
            {"linear": {"out": 6, "bias": False}},
            "relu",
            {"linear": 4},
        ],
    ),
    "smooth": dict(
        inputShape=[1, 6, 6],
        layers=[
            {"conv2d": {"out": 3, "kernel": 3}},
            "silu",
            {"conv2d": {"out": 3, "kernel": 2}},
            "gelu",
            "flatten",
            {"linear": 6},
            "sigmoid",
            {"linear": 5},
            "tanh",
            {"linear": 4},
        ],
    ),
    "maxima": dict(
        inputShape=[2, 9, 8],
        layers=[
            {"conv2d": {"out": 3, "kernel": 3, "padding": 1}},
            "relu",
            {"maxPool2d": 2},
            {"conv2d": {"out": 3, "kernel": 2}},
            "tanh",
            {"maxPool2d": {"kernel": 3, "stride": 2, "padding": 1}},
            "flatten",
            {"linear": 4},
        ],
    ),
    "means": dict(
        inputShape=[2, 9, 8],
        layers=[
            {"avgPool2d": {"kernel": 3, "stride": 1, "padding": 1}},
            {"conv2d": {"out": 3, "kernel": 3}},
            "tanh",
            {"avgPool2d": {"kernel": 3, "stride": 2, "padding": 1}},
            {"conv2d": {"out": 3, "kernel": 1}},
            "sigmoid",
            {"adaptiveAvgPool2d": [3, 2]},
            {"avgPool2d": 2},
            {"adaptiveAvgPool2d": 1},
            "flatten",
            {"linear": 4},
        ],
    ),
    "norms": dict(
        inputShape=[2, 6, 5],
        layers=[
            {"conv2d": {"out": 4, "kernel": 3, "padding": 1, "bias": False}},
            {"batchNorm2d": {}},
            "relu",
            {"conv2d": {"out": 4, "kernel": 3}},
            {"groupNorm": 2},
            "silu",
            "layerNorm",
            {"groupNorm": {"groups": 1, "affine": False, "eps": 0.01}},
            "flatten",
            {"linear": 6},
            {"batchNorm1d": {"eps": 0.001}},
            "layerNorm",
            "tanh",
            {"linear": 4},
        ],
    ),
    "residuals": dict(
        inputShape=[2, 6, 6],
        layers=[
            {
                "residual": {
                    "body": [
                        {"conv2d": {"out": 4, "kernel": 3, "stride": 2, "padding": 1, "bias": False}},
                        {"batchNorm2d": {}},
                        "gelu",
                        {"conv2d": {"out": 4, "kernel": 3, "padding": 1}},
                    ],
                    "shortcut": [{"conv2d": {"out": 4, "kernel": 1, "stride": 2, "bias": False}}, {"batchNorm2d": {"affine": False}}],
                }
            },
            "relu",
            {"residual": [{"groupNorm": 2}, "silu", {"conv2d": {"out": 4, "kernel": 1}}]},
            "flatten",
            {"linear": 4},
        ],
    ),
    "normalised": dict(
        inputShape=[3, 12, 12],
        normalize=dict(mean=[0.491, 0.482, 0.447], std=[0.247, 0.243, 0.262]),
        layers=[
            {"conv2d": {"out": 4, "kernel": 5, "padding": 2}},
            "tanh",
            {"maxPool2d": 2},
            {"conv2d": {"out": 4, "kernel": 3, "padding": 1}},
            "tanh",
            {"avgPool2d": 2},
            "flatten",
            {"linear": 8},
            "tanh",
            {"linear": 4},
        ],
    ),
}


def as_single(x):
    """Numbers that float32 holds, in double precision."""
    return x.float().double()


def made(name, inputShape, layers, normalize=None, numClasses=4, size=4):
    torch.manual_seed(sum(map(ord, name)))
    model = chain(layers, inputShape)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, (nn.GroupNorm, nn.LayerNorm, nn.BatchNorm1d, nn.BatchNorm2d)):
                for at, values in module.named_parameters():
                    values.copy_((at == "weight") + 0.3 * torch.randn_like(values))
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                module.running_mean.normal_(0, 0.3)
                module.running_var.uniform_(0.5, 2)
                module.num_batches_tracked += 7
        for values in [*model.parameters(), *model.buffers()]:
            if values.is_floating_point():
                values.copy_(as_single(values))
    images = as_single(torch.rand(size, *inputShape, dtype=torch.float64)).requires_grad_(True)
    labels = torch.randint(numClasses, (size,))
    given = images
    if normalize:
        mean, std = (torch.tensor(normalize[key], dtype=torch.float64).view(1, -1, 1, 1) for key in ("mean", "std"))
        given = (images - mean) / std
    loss = nn.functional.cross_entropy(model(given), labels)
    gradients = torch.autograd.grad(loss, list(model.parameters()), create_graph=True)
    (second,) = torch.autograd.grad(sum((g**2).sum() for g in gradients) / 2, images)
    spec = dict(layers=layers, inputShape=inputShape, numClasses=numClasses)
    if normalize:
        spec["normalize"] = normalize
    floats = {
        "images": images,
        **{f"state/{key}": value for key, value in model.state_dict().items()},
        "loss": loss,
        "gradient": torch.cat([g.flatten() for g in gradients]),
        "second": second,
    }
    return {
        f"{name}/spec": np.frombuffer(json.dumps(spec).encode(), dtype=np.uint8),
        f"{name}/labels": labels.numpy(),
        **{
            f"{name}/{key}": value.detach().float().numpy() if value.is_floating_point() else value.numpy()
            for key, value in floats.items()
        },
    }


arrays = {}
for name, case in CASES.items():
    arrays.update(made(name, **case))
np.savez_compressed(Path(__file__).with_name("layers.npz"), **arrays)
