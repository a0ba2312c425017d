"""What surrounds `model.fit`: run folder, checkpoints, decoding, report."""

from zoo.training.answering import as_it_answers
from zoo.training.attention_picture import draw_attention
from zoo.training.averaging import (
    average_weights,
    best_checkpoints,
    last_checkpoints,
)
from zoo.training.caption_pictures import draw_caption_attention, draw_captions
from zoo.training.checkpoints import Checkpoints
from zoo.training.classification_report import (
    draw_confusion,
    write_classification_report,
)
from zoo.training.curves import draw_curves
from zoo.training.decoded_evaluation import DecodedEvaluation
from zoo.training.distribution import distribute
from zoo.training.fit import fit
from zoo.training.model_card import describe_machine, write_model_card
from zoo.training.report import Report
from zoo.training.run_folder import RunFolder, begin_run, read_metrics
from zoo.training.sound_pictures import draw_transcript
from zoo.training.stopping import TrainingStoppedError
from zoo.training.tensorboard_events import TensorBoardEvents

__all__ = [
    "Checkpoints",
    "DecodedEvaluation",
    "Report",
    "RunFolder",
    "TensorBoardEvents",
    "TrainingStoppedError",
    "as_it_answers",
    "average_weights",
    "begin_run",
    "best_checkpoints",
    "describe_machine",
    "distribute",
    "draw_attention",
    "draw_caption_attention",
    "draw_captions",
    "draw_confusion",
    "draw_curves",
    "draw_transcript",
    "fit",
    "last_checkpoints",
    "read_metrics",
    "write_classification_report",
    "write_model_card",
]
