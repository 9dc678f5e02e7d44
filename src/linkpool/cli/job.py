"""`linkpool job`: check a spec, run it once without a chain, serve it on every node, at a price."""

from functools import partial
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from linkpool.cli import completion
from linkpool.cli.catalog import WAIT_SECONDS, Seconds
from linkpool.cli.options import DEFAULT_TOKEN_FILE, DEFAULT_URL, AsJson, TokenFile, Url

app = typer.Typer(help="Check jobs, try them, serve them.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="A job spec (TOML).", exists=True, dir_okay=False)]
Job = Annotated[str, typer.Argument(help="Its externalJobID, or its name.", autocompletion=completion.jobs)]
Payment = Annotated[str | None, typer.Option(help='What a request pays at least, such as "0.1 LINK".')]
Penalty = Annotated[
    str | None, typer.Option(help="What a missed request pays its requester; 0 LINK without.")
]
Ceiling = Annotated[str | None, typer.Option(help='No cover above this base fee, such as "50 gwei".')]
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
def add(
    files: Annotated[list[Path], typer.Argument(help="Job specs (TOML).", exists=True, dir_okay=False)],
    payment: Payment = None,
    penalty: Penalty = None,
    base_fee_ceiling: Ceiling = None,
    wait: Annotated[bool, typer.Option(help="Return when replicas serve it and its offer is open.")] = True,
    seconds: Seconds = WAIT_SECONDS,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    json: AsJson = False,
) -> None:
    """Serve these jobs on all nodes, at once and without a restart; with --payment they can be bought.

    Without it a job that is served already keeps the price it has.
    """
    from linkpool.api.client_catalog import catalog, put_job
    from linkpool.cli.catalogs import changed, terms, wanted_jobs
    from linkpool.cli.session import Session

    session, price = Session(url, token_file), terms(payment, penalty, base_fee_ceiling)
    for job, wanted in wanted_jobs(files, price, session.run(catalog)).items():
        change = session.run(partial(put_job, job=job, wanted=wanted))
        changed(session, change, seconds if wait else None, as_json=json)


@app.command()
def remove(
    job: Job,
    wait: Annotated[bool, typer.Option(help="Return when its offer is closed.")] = True,
    seconds: Seconds = WAIT_SECONDS,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    json: AsJson = False,
) -> None:
    """Take a job out: its offer closes, and replicas keep it until the last request for it has ended."""
    from linkpool.api.client_catalog import catalog, drop_job
    from linkpool.cli.catalogs import changed, one_job
    from linkpool.cli.session import Session

    session = Session(url, token_file)
    found = one_job(session.run(catalog), job)
    change = session.run(lambda client: drop_job(client, found.id))
    changed(session, change, seconds if wait else None, as_json=json)


@app.command()
def offer(
    job: Job,
    payment: Payment = None,
    penalty: Penalty = None,
    base_fee_ceiling: Ceiling = None,
    close: Annotated[bool, typer.Option("--close", help="Nobody can buy it from now on.")] = False,
    wait: Annotated[bool, typer.Option(help="Return when the chain has it.")] = True,
    seconds: Seconds = WAIT_SECONDS,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    json: AsJson = False,
) -> None:
    """What a request of a job costs, and what a missed one pays; or close its offer."""
    from linkpool.api.client_catalog import catalog, drop_offer, put_offer
    from linkpool.cli.catalogs import NotAsked, changed, one_job, terms
    from linkpool.cli.session import Session

    wanted = terms(payment, penalty, base_fee_ceiling)
    if close == (wanted is not None):
        raise NotAsked("say --payment and --base-fee-ceiling, or --close")
    session = Session(url, token_file)
    found = one_job(session.run(catalog), job)
    change = session.run(
        lambda client: put_offer(client, found.id, wanted) if wanted else drop_offer(client, found.id)
    )
    changed(session, change, seconds if wait else None, as_json=json)


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
    """The jobs that every node serves, their offers, and how far each is."""
    from linkpool.api.client_catalog import catalog
    from linkpool.cli.catalogs import jobs_table
    from linkpool.cli.output import print_json, show
    from linkpool.cli.session import Session

    jobs = Session(url, token_file).run(catalog).jobs
    if json:
        print_json(jobs)
    else:
        show(jobs_table(jobs))


@app.command("show")
def show_job(
    job: Job, url: Url = DEFAULT_URL, token_file: TokenFile = DEFAULT_TOKEN_FILE, json: AsJson = False
) -> None:
    """One job: its offer, how far it is, and its text."""
    from linkpool.api.client_catalog import catalog
    from linkpool.cli.catalogs import one_job
    from linkpool.cli.catalogs import show_job as show_one
    from linkpool.cli.session import Session

    show_one(one_job(Session(url, token_file).run(catalog), job), as_json=json)
