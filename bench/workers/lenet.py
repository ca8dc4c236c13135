"""LeNet-5 in PyTorch, with its weights in the order of the library's."""

import torch
import torch.nn.functional as F


class LeNet5(torch.nn.Module):
    def __init__(self, activation, pooling):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = torch.nn.Conv2d(6, 16, 5)
        self.fc1 = torch.nn.Linear(400, 120)
        self.fc2 = torch.nn.Linear(120, 84)
        self.fc3 = torch.nn.Linear(84, 10)
        self.act = {"tanh": torch.tanh, "relu": F.relu}[activation]
        self.pool = {"average": F.avg_pool2d, "max": F.max_pool2d}[pooling]

    def forward(self, x):
        x = self.pool(self.act(self.conv1(x)), 2)
        x = self.pool(self.act(self.conv2(x)), 2)
        x = self.act(self.fc1(x.flatten(1)))
        return self.fc3(self.act(self.fc2(x)))
