"""Published attacks in PyTorch, on broadcasts that the library made: DLG, Inverting Gradients, and those of the package breaching."""

import contextlib
import os
import platform
import sys
import time
import types
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F
from lenet import LeNet5
from serve import serve
from torch.func import functional_call

if os.environ.get("OMP_NUM_THREADS"):
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


def versions():
    return {"python": platform.python_version(), "torch": torch.__version__, "threads": torch.get_num_threads()}


class View:
    """One broadcast: weights, the observed gradient per local step, and the labels in their order."""

    def __init__(self, folder, activation, pooling, numImages, localSteps, batchSize, learningRate, **_):
        self.model = LeNet5(activation, pooling)
        read = lambda name: torch.from_numpy(numpy.fromfile(Path(folder) / f"{name}.f32", dtype=numpy.float32))
        self.weights = {name: part.requires_grad_() for name, part in self.unpack(read("weights")).items()}
        self.target = list(self.unpack(read("target")).values())
        self.gradient = list(self.unpack(read("gradient")).values())
        self.labels = read("labels").long()
        self.images = read("images").reshape(numImages, 1, 28, 28)
        self.local_steps, self.batch_size, self.learning_rate = localSteps, batchSize, learningRate

    def unpack(self, vector):
        shapes = [p.shape for p in self.model.parameters()]
        parts = vector.split([shape.numel() for shape in shapes])
        names = [name for name, _ in self.model.named_parameters()]
        return {name: part.reshape(shape).clone() for name, part, shape in zip(names, parts, shapes)}

    def gradients_of(self, images, labels=None, weights=None, create_graph=True):
        """The gradient of the loss by the weights, as a list."""
        weights = self.weights if weights is None else weights
        loss = F.cross_entropy(functional_call(self.model, weights, (images,)), self.labels if labels is None else labels)
        return torch.autograd.grad(loss, list(weights.values()), create_graph=create_graph)

    def unrolled(self, images):
        """The mean over dummy clients of what each sends after its local steps, per step."""
        shape = (-1, self.local_steps, self.batch_size)
        clients = []
        for own, labels in zip(images.reshape(*shape, 1, 28, 28), self.labels.reshape(shape)):
            weights, sent = self.weights, None
            for x, y in zip(own, labels):
                gradients = self.gradients_of(x, y, weights)
                weights = {name: w - self.learning_rate * g for (name, w), g in zip(weights.items(), gradients)}
                sent = gradients if sent is None else [a + b for a, b in zip(sent, gradients)]
            clients.append(sent)
        return [sum(parts) / len(clients) / self.local_steps for parts in zip(*clients)]


def squared(gradients, target):
    return sum(((g - t) ** 2).sum() for g, t in zip(gradients, target))


def cosine(gradients, target):
    dot = sum((g * t).sum() for g, t in zip(gradients, target))
    norms = sum((g * g).sum() for g in gradients).sqrt() * sum((t * t).sum() for t in target).sqrt()
    return 1 - dot / norms


def total_variation(images):
    """Mean absolute difference of neighbours, along both sides."""
    across = (images[..., :, 1:] - images[..., :, :-1]).abs().mean()
    return across + (images[..., 1:, :] - images[..., :-1, :]).abs().mean()


class Log:
    """The best images so far by the attack's own objective, at some iterations, with the seconds since the start."""

    def __init__(self, at):
        self.at, self.best, self.images = set(at), float("inf"), None
        self.iterations, self.seconds, self.shots = [], [], []
        self.start = time.perf_counter()

    def see(self, images, value):
        """Images with their objective; false where that is not finite, and the search is over."""
        if value < self.best:
            self.best, self.images = value, images.detach().clone()
        return numpy.isfinite(value)

    def after(self, iteration, force=False):
        if self.images is not None and (force or iteration in self.at):
            self.iterations.append(iteration)
            self.seconds.append(time.perf_counter() - self.start)
            self.shots.append(self.images)


def dlg(view, log, iterations, start):
    """Zhu et al. 2019: L-BFGS on the squared distance from a normal start, with nothing known of images; labels are given here."""
    images = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([images], lr=1)  # up to 20 evaluations an iteration, the last 100 steps remembered

    def closure():
        optimizer.zero_grad()
        value = squared(view.gradients_of(images), view.target)
        (images.grad,) = torch.autograd.grad(value, images)
        return value

    for iteration in range(1, iterations + 1):
        before = images.detach().clone()
        if not log.see(before, optimizer.step(closure).item()):
            return log.after(iteration, force=True)
        log.after(iteration)
    log.see(images, squared(view.gradients_of(images, create_graph=False), view.target).item())
    log.after(iterations, force=True)


def inverting_gradients(view, log, iterations, start, weight):
    """Geiping et al. 2020: Adam on the gradient's signs, cosine distance and total variation, images kept in [0, 1]; local steps unrolled."""
    images = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([images], lr=0.1)
    milestones = [round(iterations * share) for share in (3 / 8, 5 / 8, 7 / 8)]
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones, gamma=0.1)
    gradients_of = view.unrolled if view.local_steps > 1 else view.gradients_of
    objective = lambda: cosine(gradients_of(images), view.target) + weight * total_variation(images)
    for iteration in range(1, iterations + 1):
        value = objective()
        (gradient,) = torch.autograd.grad(value, images)
        if not log.see(images, value.item()):
            return log.after(iteration, force=True)
        images.grad = gradient.sign()
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            images.clamp_(0, 1)
        log.after(iteration)
    log.see(images, objective().item())
    log.after(iterations, force=True)


class Settings(dict):
    """What breaching takes Hydra's settings for: a mapping whose keys are attributes."""

    def __getattr__(self, name):
        if name not in self:
            raise AttributeError(name)
        return self[name]

    @staticmethod
    def of(value):
        return Settings({k: Settings.of(v) for k, v in value.items()}) if isinstance(value, dict) else value


def import_breaching():
    """breaching without what it reads its settings and compares pictures with."""
    names = {"hydra": (), "omegaconf": ("OmegaConf", "open_dict"), "lpips": ()}
    for name, contents in names.items():
        module = sys.modules.setdefault(name, types.ModuleType(name))
        for content in contents:
            setattr(module, content, getattr(module, content, None))
    with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import breaching
        import yaml

    folder = Path(breaching.__file__).parent / "config" / "attack"
    read = lambda name: yaml.safe_load((folder / f"{name}.yaml").read_text())
    return breaching, lambda name: Settings.of(merged(read("_default_optimization_attack"), read(name)))


def merged(base, change):
    """Two nested mappings, the second one's values first."""
    if not isinstance(base, dict) or not isinstance(change, dict):
        return change
    return {key: merged(base.get(key), change[key]) if key in change else base[key] for key in {**base, **change}}


here = sys.path.pop(0)  # what breaching imports tries whether there is a "pytorch", and would find the worker of that name
try:
    breaching, settings_of = import_breaching()
    breaching_version = {"version": version("breaching")}
except Exception as error:
    breaching_version = {"reason": f"{type(error).__name__}: {error}"}
sys.path.insert(0, here)


class Watcher(torch.nn.Module):
    """A regularizer of weight zero, which sees the candidate at every evaluation."""

    def __init__(self, log):
        super().__init__()
        self.log, self.evaluations = log, 0

    def initialize(self, *_):
        pass

    def forward(self, candidate):
        self.log.images = candidate.detach().clone() if self.evaluations in self.log.at else self.log.images
        self.log.after(self.evaluations)
        self.evaluations += 1
        return 0


def breaching_attack(view, log, iterations, start):
    """breaching's own "invertinggradients", which it runs for 24,000 iterations. A view shows what one user sent: local steps are not unrolled."""
    settings = settings_of("invertinggradients")
    settings["optim"]["max_iterations"] = iterations
    attacker = breaching.attacks.prepare_attack(view.model, torch.nn.CrossEntropyLoss(), settings)
    for regularizer in attacker.regularizers:  # its total variation is of three colours
        regularizer.groups, regularizer.weight = 1, regularizer.weight[:2]
    watcher = Watcher(log)
    attacker.regularizers.append(watcher)
    metadata = types.SimpleNamespace(shape=(1, 28, 28), modality="vision")
    payload = [{"parameters": [w.detach() for w in view.weights.values()], "buffers": None, "metadata": metadata}]
    sent = {"num_data_points": len(view.labels), "labels": view.labels, "local_hyperparams": None}
    shared = [{"gradients": view.target, "buffers": None, "metadata": sent}]
    log.start = time.perf_counter()
    found, _ = attacker.reconstruct(payload, shared, server_secrets={}, initial_data=start)
    log.images = found["data"].detach()
    log.after(iterations, force=True)


methods = {
    "DLG": dlg,
    "Inverting Gradients, TV 0.1": lambda *arguments: inverting_gradients(*arguments, weight=0.1),
    "Inverting Gradients, TV 1e-4": lambda *arguments: inverting_gradients(*arguments, weight=1e-4),
    "breaching": breaching_attack,
}


def reconstruct(view, method, iterations, at, seed, file):
    """Runs an attack on a view; its images at some iterations go to a file, [K, N, 784]."""
    view = View(**view)
    torch.manual_seed(seed)
    start = torch.randn(view.images.shape)
    log = Log(at)
    methods[method](view, log, iterations, start)
    if not log.shots:
        raise ValueError(f"{method} had no finite objective")
    torch.stack(log.shots).numpy().astype(numpy.float32).tofile(file)
    return {"iterations": log.iterations, "seconds": log.seconds}


def off(found, expected):
    """||found - expected|| / ||expected|| over lists of tensors."""
    difference = sum(((a - b) ** 2).sum() for a, b in zip(found, expected))
    return (difference / sum((b**2).sum() for b in expected)).sqrt().item()


def numbers(views):
    """How far the library's gradient at the private images is from ours, and what the observed gradient is from it."""
    views = [View(**view) for view in views]
    found = [view.gradients_of(view.images, create_graph=False) for view in views]
    return {"gradient": [off(view.gradient, own) for view, own in zip(views, found)]}


serve({"versions": versions, "breaching": lambda: breaching_version, "numbers": numbers, "reconstruct": reconstruct})
