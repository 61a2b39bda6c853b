"""The program: its commands, and what every one of them does with errors and with Ctrl+C."""

from __future__ import annotations

import logging
import sys
import warnings

import typer

from cytoshift.cli import audit, classify, compare, count, demo, detect, jobs, models, slides, study, train, translate
from cytoshift.errors import CytoshiftError

app = typer.Typer(
    name="cytoshift",
    help="Slides of any scanner: look, normalize, find cells, and teach the model. Research only, not for diagnosis.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("info")(slides.info)
app.command("convert")(slides.convert)
app.command("normalize")(slides.normalize)
app.command("translate")(translate.translate)
app.command("audit")(audit.audit)
app.command("detect")(detect.detect)
app.command("classify")(classify.classify)
app.command("compare")(compare.compare)
app.command("count")(count.count)
app.command("train")(train.train)
app.add_typer(train.evaluate, name="evaluate")
app.add_typer(models.app, name="models")
app.add_typer(study.app, name="study")
app.add_typer(jobs.app, name="jobs")
app.command("demo")(demo.demo)

_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> None:
    """Run the program and exit.

    Status 0 is success; 2 is something the person can put right, said in one sentence on stderr; 130 is Ctrl+C.
    """
    # What libraries have to say about a broken file would bury the one sentence that helps.
    logging.getLogger().addHandler(logging.NullHandler())
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    sys.exit(_run(arguments))


def _run(arguments: list[str] | None) -> int:
    try:
        status = app(arguments, standalone_mode=False)
    except CytoshiftError as error:
        return _complain(str(error))
    except typer.TyperException as error:
        return _complain(error.format_message().rstrip(".") + "; --help says what the command takes.")
    except (KeyboardInterrupt, typer.Abort):
        status = _INTERRUPTED
    except OSError as error:
        if not error.strerror:
            raise
        return _complain(f"{error.filename}: {error.strerror}; check the path and the room on the disk.")
    if status == _INTERRUPTED:
        print("Stopped with Ctrl+C; what was finished is kept.", file=sys.stderr)
    return status if isinstance(status, int) else 0


def _complain(sentence: str) -> int:
    print(" ".join(sentence.split()), file=sys.stderr)
    return 2
