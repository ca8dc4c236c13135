"""
A federation in Flower and PyTorch, one client of which keeps what passes through its hands.

    python app.py FEDERATION FOLDER     FEDERATION is a key of FEDERATIONS; FOLDER is made, and holds the recording

Nobody attacks here: client 0 takes part as everybody does. What its peers trained on is written beside, to score
reconstructions by.
"""

import argparse
import gzip
import os
import socket
import sys
import threading
from pathlib import Path

os.environ["FLWR_TELEMETRY_ENABLED"] = "0"  # read when Flower is imported

import flwr
import grpc
import numpy as np
import torch
from torch.nn import AvgPool2d, Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential, Tanh

DATA = Path(os.environ.get("CURIOUS_DATA") or Path(__file__).parents[2] / "data")

# LeCun's LeNet-5, the strided one of Deep Leakage from Gradients with tanh, and the CNN of PyTorch's 60-minute blitz.
MODELS = {
    "lenet5": lambda: Sequential(
        *(Conv2d(1, 6, 5, padding=2), Tanh(), AvgPool2d(2), Conv2d(6, 16, 5), Tanh(), AvgPool2d(2), Flatten()),
        *(Linear(400, 120), Tanh(), Linear(120, 84), Tanh(), Linear(84, 10)),
    ),
    "strided": lambda: Sequential(
        *(Conv2d(1, 12, 5, stride=2, padding=2), Tanh(), Conv2d(12, 12, 5, stride=2, padding=2), Tanh()),
        *(Conv2d(12, 12, 5, padding=2), Tanh(), Flatten(), Linear(588, 10)),
    ),
    "blitz": lambda: Sequential(
        *(Conv2d(3, 6, 5), ReLU(), MaxPool2d(2), Conv2d(6, 16, 5), ReLU(), MaxPool2d(2), Flatten()),
        *(Linear(400, 120), ReLU(), Linear(120, 84), ReLU(), Linear(84, 10)),
    ),
}
# shards: images of each client, and so its weight in the mean; normalize: mean and standard deviation of every channel.
COMMON = dict(learning_rate=0.1, momentum=0, local_steps=1, rounds=1, normalize=(0, 1))
FEDERATIONS = {
    "one-image-each": COMMON | dict(model="lenet5", data="fashion-mnist", shards=[60] * 5),
    "local-steps": COMMON | dict(model="strided", data="fashion-mnist", shards=[40, 90, 20], local_steps=5, rounds=2),
    "blitz": COMMON | dict(model="blitz", data="cifar10", shards=[30] * 5, momentum=0.9, normalize=(0.5, 0.5)),
}


def load_data(name):
    """Training images [N, C, H, W] and labels, uint8."""
    if name == "cifar10":
        rows = np.fromfile(DATA / "cifar-10-batches-bin" / "data_batch_1.bin", np.uint8).reshape(-1, 3073)
        return rows[:, 1:].reshape(-1, 3, 32, 32), rows[:, 0]
    read = lambda file: gzip.open(DATA / name / f"train-{file}-ubyte.gz").read()
    images = np.frombuffer(read("images-idx3"), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    return images, np.frombuffer(read("labels-idx1"), np.uint8, offset=8)


class Client(flwr.client.NumPyClient):
    """Trains on the next images of its shard in every round, one in a step."""

    def __init__(self, federation, images, labels):
        self.federation, self.images, self.labels = federation, images, labels
        self.model, self.used = MODELS[federation["model"]](), 0

    def fit(self, parameters, config):
        self.load(parameters)
        learning_rate, momentum = self.federation["learning_rate"], self.federation["momentum"]
        optimizer = torch.optim.SGD(self.model.parameters(), learning_rate, momentum)
        for _ in range(self.federation["local_steps"]):
            optimizer.zero_grad()
            self.loss(slice(self.used, self.used + 1)).backward()
            optimizer.step()
            self.used += 1
        return weights_of(self.model), len(self.images), {}

    def evaluate(self, parameters, config):
        self.load(parameters)
        with torch.no_grad():
            return self.loss(slice(None)).item(), len(self.images), {}

    def load(self, parameters):
        named = zip(self.model.state_dict(), map(torch.tensor, parameters), strict=True)
        self.model.load_state_dict(dict(named))

    def loss(self, which):
        mean, std = self.federation["normalize"]
        images = (torch.tensor(self.images[which]) / 255 - mean) / std
        return torch.nn.functional.cross_entropy(self.model(images), torch.tensor(self.labels[which]).long())


def keep(folder, what, arrays):
    number = len(list(folder.glob(f"{what}*.npz")))
    np.savez_compressed(folder / f"{what}{number}.npz", *arrays)


class CuriousClient(Client):
    """Does what every client does, and keeps what it receives and sends."""

    def __init__(self, folder, *shard):
        super().__init__(*shard)
        self.folder = folder

    def fit(self, parameters, config):
        keep(self.folder, "received", parameters)
        weights, *rest = super().fit(parameters, config)
        keep(self.folder, "sent", weights)
        return weights, *rest

    def evaluate(self, parameters, config):
        keep(self.folder, "received", parameters)
        return super().evaluate(parameters, config)


def weights_of(model):
    return [value.numpy().copy() for value in model.state_dict().values()]


def join(address, client):
    """Takes part, from when the server listens until it has ended."""
    grpc.channel_ready_future(grpc.insecure_channel(address)).result(timeout=60)
    flwr.client.start_client(server_address=address, client=client.to_client())


def train(federation, folder, shards):
    """Runs the server here and every client in a thread; they talk by gRPC."""
    first, *others = shards
    clients = [CuriousClient(folder, federation, *first), *(Client(federation, *shard) for shard in others)]
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    threads = [threading.Thread(target=join, args=[address, client], daemon=True) for client in clients]
    # Without a client that has failed the server would wait for ever.
    threading.excepthook = lambda failure: (sys.excepthook(*failure[:3]), os._exit(1))
    for thread in threads:
        thread.start()
    strategy = flwr.server.strategy.FedAvg(
        initial_parameters=flwr.common.ndarrays_to_parameters(weights_of(MODELS[federation["model"]]())),
        **{f"min_{who}_clients": len(clients) for who in ("fit", "evaluate", "available")},
    )
    rounds = flwr.server.ServerConfig(num_rounds=federation["rounds"])
    flwr.server.start_server(server_address=address, config=rounds, strategy=strategy)
    for thread in threads:
        thread.join()


def main(federation, folder):
    federation = FEDERATIONS[federation]
    folder.mkdir(parents=True)
    torch.set_num_threads(1)
    torch.manual_seed(1)
    images, labels = load_data(federation["data"])
    sizes, steps = federation["shards"], federation["local_steps"]
    chosen = np.random.default_rng(1).permutation(len(images))[: sum(sizes)]
    shards = [(images[own], labels[own]) for own in np.split(chosen, np.cumsum(sizes)[:-1])]
    train(federation, folder, shards)

    def save(who, parts):
        for i, what in enumerate(("images", "labels")):
            np.save(folder / f"{who}_{what}.npy", np.concatenate([part[i] for part in parts]))

    save("own", shards[:1])
    for k in range(federation["rounds"]):
        used = [(x[k * steps : (k + 1) * steps], y[k * steps : (k + 1) * steps]) for x, y in shards]
        save(f"batch{k}", used[:1])
        save(f"truth{k}", used[1:])
        save(f"everybody{k}", used)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("federation", choices=FEDERATIONS)
    parser.add_argument("folder", type=Path)
    main(**vars(parser.parse_args()))
