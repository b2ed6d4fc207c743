#!/bin/sh
# Makes a shipped model from nothing: events, training, export, card. Stopped and called again, it goes on.
#   sh data/make_model.sh toptag_small|toptag_resnet50 [MODELS]
# In the current folder, with 1 GB of room; MODELS is where the model goes, ./models if not given.
# N_EVENTS (of each process), STEPS, THREADS and EXTRA (more words for `train`) change the recipe, for a trial.
set -eu
model=${1:-}
models=${2:-models}
training() { python -m producers.training "$@"; }

case $model in
toptag_small) recipe="--network small_resnet --pixels 56 --batch-size 128 --learning-rate 3e-3" steps=3000 ;;
toptag_resnet50) recipe="--network resnet50 --pixels 56 --batch-size 64 --learning-rate 1e-3" steps=4000 ;;
*) echo "usage: sh make_model.sh toptag_small|toptag_resnet50 [MODELS]" >&2; exit 2 ;;
esac

training generate --events events --n-events "${N_EVENTS:-40000}"
# shellcheck disable=SC2086  # a recipe is several words
training train --events events --folder "$model" $recipe --steps "${STEPS:-$steps}" --threads "${THREADS:-1}" ${EXTRA:-}
if [ "$model" = toptag_small ]; then
    training export --events events --checkpoint "$model/checkpoint.pt" --folder "$models/$model/1"
    training evaluate --events events --checkpoint "$model/checkpoint.pt" --folder "$models/$model/1"
else
    training export --events events --checkpoint "$model/checkpoint.pt" --folder "$model/float/1"
    training quantize --events events --source "$model/float/1" --folder "$models/$model/1"
    training evaluate --events events --checkpoint "$model/checkpoint.pt" --folder "$models/$model/1" \
        --full-precision "$model/float/1"
fi
