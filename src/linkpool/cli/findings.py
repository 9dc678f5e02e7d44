"""Findings of a check, printed: what is well, what is not, and what to do."""

from collections.abc import Sequence
from dataclasses import asdict

from linkpool.cli.output import print_json
from linkpool.engines.protocol import Finding


def report(findings: Sequence[Finding], *, as_json: bool) -> bool:
    """Print them; whether all is well."""
    if as_json:
        print_json([asdict(finding) for finding in findings])
    for finding in [] if as_json else findings:
        print(f"{'ok ' if finding.good else 'BAD'} {finding.what:9} {finding.text}")
        if finding.advice:
            print(f"              -> {finding.advice}")
    return all(finding.good for finding in findings)
