"""The networks that can be trained, by name; all have one interface.

In: float32, (n, 1, pixels, pixels), a pixel is the share of the jet's ET that falls into it. Out: float32,
    (n, 2),
logits of QCD and top. The scaling of pixel values is the first layer of every network, so that what makes
images does not know of it.
"""

# torch is an extra: where it is not installed, mypy knows nothing of nn.Module.
# mypy: disallow-subclassing-any=False

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor, nn

N_CLASSES: Final = 2
LABELS: Final = ("QCD", "top")


class LogScale(nn.Module):
    """Brings shares of the jet's ET (1e-3 to 0.5) to numbers around 1: log(1 + 1000 x) / 3."""

    def forward(self, images: Tensor) -> Tensor:
        """Scales (n, 1, pixels, pixels)."""
        return torch.log(1.0 + 1000.0 * images) / 3.0


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (He et al., arXiv:1512.03385)."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            convolution(n_in, n_out, 3, stride),
            nn.ReLU(inplace=True),
            convolution(n_out, n_out, 3, 1),
        )
        self.shortcut = (
            nn.Identity() if stride == 1 and n_in == n_out else convolution(n_in, n_out, 1, stride)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Maps (n, n_in, h, w) to (n, n_out, h / stride, w / stride)."""
        return torch.relu(self.body(x) + self.shortcut(x))


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions and a shortcut; the stride sits in the 3x3 (ResNet "v1.5")."""

    def __init__(self, n_in: int, width: int, stride: int) -> None:
        super().__init__()
        n_out = 4 * width
        self.body = nn.Sequential(
            convolution(n_in, width, 1, 1),
            nn.ReLU(inplace=True),
            convolution(width, width, 3, stride),
            nn.ReLU(inplace=True),
            convolution(width, n_out, 1, 1),
        )
        self.shortcut = (
            nn.Identity() if stride == 1 and n_in == n_out else convolution(n_in, n_out, 1, stride)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Maps (n, n_in, h, w) to (n, 4 * width, h / stride, w / stride)."""
        return torch.relu(self.body(x) + self.shortcut(x))


class ConvNeXtBlock(nn.Module):
    """A 7x7 convolution of each channel by itself, two 1x1 convolutions and a shortcut.

    After ConvNeXt (Liu et al., arXiv:2201.03545), with batch normalisation and ReLU for its layer
    normalisation and GELU: engines fold the first into the convolution, and quantise the second as it is.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            convolution(width, width, 7, 1, groups=width),
            nn.Conv2d(width, 4 * width, 1),
            nn.ReLU(inplace=True),
            convolution(4 * width, width, 1, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Maps (n, width, h, w) to the same shape."""
        y: Tensor = x + self.body(x)
        return y


def convolution(n_in: int, n_out: int, size: int, stride: int, groups: int = 1) -> nn.Sequential:
    """Makes a convolution that keeps the size at stride 1, followed by batch normalisation."""
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, size, stride, padding=size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(n_out),
    )


def small_resnet() -> nn.Module:
    """A residual network of 0.2 million parameters for images of 56 pixels, 0.8 MB."""
    widths = (16, 32, 64)
    blocks: list[nn.Module] = []
    n_in = widths[0]
    for stage, width in enumerate(widths):
        for block in range(2):
            blocks.append(BasicBlock(n_in, width, 2 if block == 0 and stage > 0 else 1))
            n_in = width
    stem = (LogScale(), convolution(1, widths[0], 5, 2), nn.ReLU(inplace=True))
    return nn.Sequential(*stem, *blocks, *_head(n_in))


def resnet50() -> nn.Module:
    """ResNet-50 (He et al., arXiv:1512.03385), one channel in, two out, 23.5 million parameters."""
    blocks: list[nn.Module] = []
    n_in = 64
    for stage, (width, depth) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
        for block in range(depth):
            blocks.append(Bottleneck(n_in, width, 2 if block == 0 and stage > 0 else 1))
            n_in = 4 * width
    stem = (LogScale(), convolution(1, 64, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, padding=1))
    return nn.Sequential(*stem, *blocks, *_head(n_in))


def small_convnext() -> nn.Module:
    """A ConvNeXt of 0.2 million parameters for images of 56 pixels, 0.9 MB."""
    blocks: list[nn.Module] = []
    n_in = 1
    for width, depth, patch in ((48, 2, 4), (96, 2, 2)):
        blocks += [nn.Conv2d(n_in, width, patch, patch, bias=False), nn.BatchNorm2d(width)]
        blocks += [ConvNeXtBlock(width) for _ in range(depth)]
        n_in = width
    return nn.Sequential(LogScale(), *blocks, *_head(n_in))


def _head(n_features: int) -> tuple[nn.Module, ...]:
    return nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(n_features, N_CLASSES)


NETWORKS: Final[dict[str, Callable[[], nn.Module]]] = {
    "small_resnet": small_resnet,
    "small_convnext": small_convnext,
    "resnet50": resnet50,
}


class Tagger(nn.Module):
    """What is served: images of the full specification in, probabilities out.

    A network trained on coarser images sees the sums of the fine pixels, which are exactly the coarse image.
    """

    def __init__(self, network: nn.Module, pooling: int) -> None:
        super().__init__()
        self.pooling = pooling
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Maps (n, 1, pixels, pixels) to scores (n, 2) that add up to 1."""
        if self.pooling > 1:
            images = nn.functional.avg_pool2d(images, self.pooling) * float(self.pooling**2)
        scores: Tensor = torch.softmax(self.network(images), dim=1)
        return scores
