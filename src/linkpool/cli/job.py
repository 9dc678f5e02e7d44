"""`linkpool job`: check a spec, run it once without a chain, and hand it to every node."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from linkpool.cli import completion
from linkpool.cli.options import DEFAULT_TOKEN_FILE, DEFAULT_URL, AsJson, TokenFile, Url

app = typer.Typer(help="Check jobs, try them, serve them.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="A job spec (TOML).", exists=True, dir_okay=False)]
Requests = Annotated[
    list[str] | None, typer.Option("--request", help="A parameter of the request, key=value; again for more.")
]


@app.command()
def check(file: File, json: AsJson = False) -> None:
    """Read a spec: draws its graph, or points at what is wrong with it."""
    from linkpool.cli.jobs import check_file

    raise typer.Exit(check_file(file, as_json=json))


@app.command()
def run(
    file: File,
    request: Requests = None,
    seconds: Annotated[float, typer.Option(help="Time the whole run may take.")] = 60.0,
    json: AsJson = False,
) -> None:
    """Run a job once without a chain; shows each task's input, output and time. Sources are really asked."""
    from linkpool.cli.jobs import run_file

    raise typer.Exit(run_file(file, request or [], seconds, as_json=json))


@app.command()
def serve(
    files: Annotated[list[Path], typer.Argument(help="All job specs that every node shall serve.")],
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    json: AsJson = False,
) -> None:
    """Serve exactly these jobs on all nodes, at once and without a restart."""
    from linkpool.cli.output import say
    from linkpool.cli.session import Session

    texts = [file.read_text() for file in files]
    catalog = Session(url, token_file).run(lambda client: client.put_jobs(*texts))
    text = f"catalog revision {catalog.revision}: {len(catalog.jobs)} jobs"
    say(text, as_json=json, revision=catalog.revision, jobs=len(catalog.jobs))


@app.command()
def start(
    job: Annotated[
        UUID, typer.Argument(help="externalJobID of a webhook job.", autocompletion=completion.webhook_jobs)
    ],
    body: Annotated[
        Path | None, typer.Option(help="File with the run's JSON body.", exists=True, dir_okay=False)
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Idempotency-Key: another key is another run of the same body.")
    ] = None,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    json: AsJson = False,
) -> None:
    """Start a webhook job once on every node."""
    from linkpool.cli.jobs import read_body
    from linkpool.cli.output import say
    from linkpool.cli.session import Session

    wanted = read_body(body)
    answer = Session(url, token_file).run(
        lambda client: client.ask("POST", f"/webhooks/{job}", wanted, key=key)
    )
    say(f"run {answer['run']}", as_json=json, **answer)


@app.command("list")
def list_jobs(
    url: Url = DEFAULT_URL, token_file: TokenFile = DEFAULT_TOKEN_FILE, json: AsJson = False
) -> None:
    """The jobs that every node serves, and the revision that all serving replicas have."""
    from linkpool.cli.jobs import show_catalog
    from linkpool.cli.session import Session

    show_catalog(Session(url, token_file).run(lambda control: control.catalog()), as_json=json)
