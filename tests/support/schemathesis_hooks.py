"""What schemathesis cannot guess: a text that is a job."""

import schemathesis
from hypothesis import strategies as st

from tests.support.job_text import JOB

_ID = "0eec7e1d-d0d2-476c-a1a8-72dfb6633f46"
schemathesis.openapi.format("linkpool-job", st.uuids().map(lambda uuid: JOB.replace(_ID, str(uuid))))
