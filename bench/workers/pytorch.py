"""PyTorch's side of the benchmarks: LeNet-5, gradient matching by double backward, and local training, as people write them."""

import math
import os
import platform
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F
from torch.func import functional_call, grad, vmap
from lenet import LeNet5
from serve import serve, timed

if os.environ.get("OMP_NUM_THREADS"):
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


model = None  # its own weights are never used: they come with every reconstruction
problem = None
federation = None


def read(folder, name, count):
    return torch.from_numpy(numpy.fromfile(Path(folder) / f"{name}.f32", dtype=numpy.float32).reshape(count, -1))


def unpack(vectors):
    """Rows of weights to a dict of stacked parameters, [S, ...]."""
    shapes = [p.shape for p in model.parameters()]
    parts = vectors.split([shape.numel() for shape in shapes], dim=1)
    names = [name for name, _ in model.named_parameters()]
    return {name: part.reshape(-1, *shape).clone() for name, part, shape in zip(names, parts, shapes)}


def row(stacked, i):
    return {name: value[i] for name, value in stacked.items()}


def versions():
    return {"python": platform.python_version(), "torch": torch.__version__, "threads": torch.get_num_threads()}


def views(folder, count, start, end, batchSize, activation, pooling):
    """Takes the views start..end-1 of the `count` that the files hold."""
    global model, problem
    model = LeNet5(activation, pooling)
    rows = {name: read(folder, name, count)[start:end] for name in ("weights", "target", "start", "labels", "images")}
    as_images = (-1, batchSize, 1, 28, 28)
    problem = {
        "weights": unpack(rows["weights"]),
        "target": unpack(rows["target"]),
        "start": rows["start"].reshape(as_images),
        "images": rows["images"].reshape(as_images),
        "labels": rows["labels"].long(),
    }
    return {"size": sum(p.numel() for p in model.parameters())}


def distance(gradients, target, objective):
    """The two distances between lists of gradients, over all weights at once."""
    if objective == "squared":
        return sum(((g - t) ** 2).sum() for g, t in zip(gradients, target))
    dot = sum((g * t).sum() for g, t in zip(gradients, target))
    norm = sum((g * g).sum() for g in gradients).sqrt()
    return 1 - dot / (norm * sum((t * t).sum() for t in target).sqrt())


def rate_at(step, steps):
    """Adam's learning rate: 0.1, with cosine decay to a tenth."""
    return 0.01 + 0.09 * (1 + math.cos(math.pi * step / steps)) / 2


def gradients_of(weights, images, labels, create_graph=False):
    """The gradient of the loss by the weights, as a list."""
    loss = F.cross_entropy(functional_call(model, weights, (images,)), labels)
    return torch.autograd.grad(loss, list(weights.values()), create_graph=create_graph)


def objective_of(i, objective):
    """The objective of view i, a function of the dummy images that can be differentiated."""
    weights = {name: value.requires_grad_() for name, value in row(problem["weights"], i).items()}
    target = list(row(problem["target"], i).values())
    labels = problem["labels"][i]
    return lambda images: distance(gradients_of(weights, images, labels, create_graph=True), target, objective)


def reconstruct(i, steps, objective):
    """One reconstruction by double backward: Adam on the images."""
    matching = objective_of(i, objective)
    images = problem["start"][i].clone().requires_grad_()
    optimizer = torch.optim.Adam([images])
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = rate_at(step, steps)
        (images.grad,) = torch.autograd.grad(matching(images), images)
        optimizer.step()
    return images


def reconstruct_stacked(steps, objective):
    """All reconstructions in one computation, by torch.func."""

    def loss(weights, images, labels):
        return F.cross_entropy(functional_call(model, weights, (images,)), labels)

    def matching(images, weights, target, labels):
        return distance(grad(loss)(weights, images, labels).values(), target.values(), objective)

    images_gradient = vmap(grad(matching))
    images = problem["start"].clone()
    optimizer = torch.optim.Adam([images])
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = rate_at(step, steps)
        images.grad = images_gradient(images, problem["weights"], problem["target"], problem["labels"])
        optimizer.step()
    return images


def off(found, expected):
    """||found - expected|| / ||expected|| over lists of tensors."""
    difference = sum(((a - b) ** 2).sum() for a, b in zip(found, expected))
    return (difference / sum((b**2).sum() for b in expected)).sqrt().item()


def numbers(folder, checked, steps, objective, mode):
    """The numbers of the first views, and how far the other side's target and gradient (files of the folder) are from ours."""
    theirs = read(folder, "imagesGradient", checked)
    found = reconstruct_stacked(steps, objective) if mode == "stacked" else None
    answer = {"before": [], "after": [], "target": [], "imagesGradient": []}
    for i in range(checked):
        weights = {name: value.requires_grad_() for name, value in row(problem["weights"], i).items()}
        target = gradients_of(weights, problem["images"][i], problem["labels"][i])
        matching = objective_of(i, objective)
        images = problem["start"][i].clone().requires_grad_()
        before = matching(images)
        (gradient,) = torch.autograd.grad(before, images)
        after = matching(reconstruct(i, steps, objective) if found is None else found[i])
        answer["before"].append(before.item())
        answer["after"].append(after.item())
        answer["target"].append(off(row(problem["target"], i).values(), target))
        answer["imagesGradient"].append(off([theirs[i].reshape(images.shape)], [gradient]))
    return answer


def one_by_one(count, steps, objective):
    """The first `count` reconstructions, one after the other."""
    return timed(lambda: [reconstruct(i, steps, objective) for i in range(count)])


def stacked(steps, objective):
    return timed(lambda: reconstruct_stacked(steps, objective))


def take_federation(folder, numClients, localSteps, batchSize, learningRate, activation, pooling):
    """Takes the weights and batches of one round."""
    global model, federation
    model = LeNet5(activation, pooling)
    federation = {
        "weights": [value[0] for value in unpack(read(folder, "weights", 1)).values()],
        "images": read(folder, "images", 1).reshape(numClients, localSteps, batchSize, 1, 28, 28),
        "labels": read(folder, "labels", 1).long().reshape(numClients, localSteps, batchSize),
        "learningRate": learningRate,
    }
    return {"size": sum(w.numel() for w in federation["weights"])}


def local_updates():
    """What every client sends: the loop over clients and local steps, with plain SGD."""
    rate, start = federation["learningRate"], federation["weights"]
    updates = []
    for images, labels in zip(federation["images"], federation["labels"]):
        with torch.no_grad():
            for p, w in zip(model.parameters(), start):
                p.copy_(w)
        optimizer = torch.optim.SGD(model.parameters(), lr=rate)
        for x, y in zip(images, labels):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
        with torch.no_grad():
            updates.append(torch.cat([((w - p) / rate).flatten() for p, w in zip(model.parameters(), start)]))
    return updates


def updates_off(folder):
    """How far the other side's updates are from ours, the worst client."""
    theirs = read(folder, "updates", len(federation["images"]))
    return {"updates": [off([a], [b]) for a, b in zip(theirs, local_updates())]}


def rounds(rounds):
    """The clients' part of some rounds."""
    return timed(lambda: [local_updates() for _ in range(rounds)])


serve(
    {
        "versions": versions,
        "views": views,
        "numbers": numbers,
        "one by one": one_by_one,
        "stacked": stacked,
        "federation": take_federation,
        "updates": updates_off,
        "rounds": rounds,
    }
)
