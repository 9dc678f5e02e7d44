"""One run of one job: tasks in order, each with its attempts and its time; all of it inside a deadline.

Tasks that only compute run at once, one after the other; those that wait for somebody run side by side.
Nothing here depends on anything but the loop's clock, so a run in virtual time is the run in real time.
"""

import asyncio
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from linkpool.errors import LinkPoolError, Temporary
from linkpool.jobs.errors import BadValue, Cause, TaskError, TaskPermanent, TaskTemporary
from linkpool.jobs.services import Services
from linkpool.jobs.spec import JobSpec
from linkpool.jobs.tasks.kit import BadParameter, Call, Reach, Task
from linkpool.jobs.values import Value


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """What one task did. `seconds` is the time from its first attempt to its end."""

    name: str
    type: str
    inputs: tuple[Value, ...] = ()
    output: Value = None
    error: TaskError | None = None
    seconds: float = 0.0
    attempts: int = 0
    """0 if it never began: an input failed, or the run ended before its turn."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended. `outputs` and `errors` are those of the last tasks, by name in their order."""

    run_id: str
    records: tuple[TaskRecord, ...]
    outputs: Mapping[str, Value] = field(default_factory=dict)
    errors: Mapping[str, TaskError] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def value(self) -> Value:
        """The output of the last task that has one."""
        return list(self.outputs.values())[-1] if self.outputs else None

    @property
    def error(self) -> TaskTemporary | TaskPermanent | None:
        """Why the run failed, or None. Permanent if any last task can never succeed."""
        failed = list(self.errors.values())
        final = next((error for error in failed if isinstance(error, TaskPermanent)), None)
        other = next((error for error in failed if isinstance(error, TaskTemporary)), None)
        return final or other


async def run(
    job: JobSpec, variables: Mapping[str, Value], services: Services, *, run_id: str, deadline: float
) -> RunResult:
    """Run `job` once, until `deadline` (loop time). Failures of tasks are in the result, never raised."""
    return await _Run(job, variables, services, run_id, deadline).result()


class _Run:
    def __init__(
        self, job: JobSpec, variables: Mapping[str, Value], services: Services, run_id: str, deadline: float
    ) -> None:
        self._job = job
        self._variables: dict[str, Value] = dict(variables)
        self._services = services
        self._run_id = run_id
        self._deadline = deadline
        self._records: dict[str, TaskRecord] = {}
        self._stopped: TaskError | None = None

    async def result(self) -> RunResult:
        start = self._services.now()
        await self._all()
        last = self._job.graph.last
        records = tuple(self._records[name] for name in self._job.graph.tasks)
        return RunResult(
            self._run_id,
            records,
            {
                task.name: self._records[task.name].output
                for task in last
                if not self._records[task.name].error
            },
            {task.name: error for task in last if (error := self._records[task.name].error)},
            self._services.now() - start,
        )

    async def _all(self) -> None:
        tasks = self._job.graph.tasks
        left = {name: len(task.after) for name, task in tasks.items()}
        followers: dict[str, list[str]] = {name: [] for name in tasks}
        for task in tasks.values():
            for name in task.after:
                followers[name].append(task.name)
        ready = [name for name, count in left.items() if not count]
        running: dict[asyncio.Task[TaskRecord], str] = {}
        try:
            while ready or running:
                records = []
                for name in ready:
                    if record := self._at_once(tasks[name]):
                        records.append(record)
                    else:
                        running[self._begin(tasks[name])] = name
                records = records or await self._next(running)
                ready = []
                for record in records:
                    self._keep(tasks[record.name], record, running)
                    for name in followers[record.name]:
                        left[name] -= 1
                        if not left[name]:
                            ready.append(name)
        finally:
            for waiting in running:
                waiting.cancel()

    async def _next(self, running: dict[asyncio.Task[TaskRecord], str]) -> list[TaskRecord]:
        """Wait for somebody; those who are done, in the order they began."""
        done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        records = []
        for ended in [task for task in running if task in done]:
            task = self._job.graph.tasks[running.pop(ended)]
            if ended.cancelled():  # before it began, or by a service that was closed under it
                error = self._stopped or TaskTemporary("it was cancelled", Cause.OURS, task.name)
                records.append(TaskRecord(task.name, task.type.name, error=error))
            else:
                records.append(ended.result())
        return records

    def _keep(self, task: Task, record: TaskRecord, running: Mapping[asyncio.Task[TaskRecord], str]) -> None:
        self._records[task.name] = record
        self._variables[task.name] = record.error or record.output
        if record.error and task.fail_early:
            self._stopped = record.error
            for waiting in running:
                waiting.cancel()

    def _at_once(self, task: Task) -> TaskRecord | None:
        """The record of a task that needs no waiting; None if it does."""
        inputs = tuple(self._variables[name] for name in task.inputs)
        error = self._stopped or (None if task.type.tolerant else _first_error(inputs))
        if error:
            return TaskRecord(task.name, task.type.name, inputs, error=error)
        if task.attempts > 1 or inspect.iscoroutinefunction(task.type.run):
            return None
        start = self._services.now()
        try:
            output = task.type.run(self._call(task, inputs))
        except (BadValue, TaskError) as failure:
            error = blamed(task, failure)
            output = None
        return TaskRecord(task.name, task.type.name, inputs, output, error, self._services.now() - start, 1)

    def _begin(self, task: Task) -> asyncio.Task[TaskRecord]:
        return asyncio.create_task(self._attempts(task), name=f"{self._run_id}/{task.name}")

    async def _attempts(self, task: Task) -> TaskRecord:
        inputs = tuple(self._variables[name] for name in task.inputs)
        start, pause = self._services.now(), task.min_backoff
        record = TaskRecord(task.name, task.type.name, inputs)
        try:
            while self._services.now() < self._deadline:
                record = replace(record, attempts=record.attempts + 1)
                record = await self._attempt(self._call(task, inputs), record)
                if not _worth_repeating(record, task) or self._services.now() + pause >= self._deadline:
                    return replace(record, seconds=self._services.now() - start)
                await asyncio.sleep(pause)
                pause = min(pause * 2, task.max_backoff)
        except asyncio.CancelledError:
            if self._stopped is None:
                raise
            return replace(record, error=self._stopped, seconds=self._services.now() - start)
        late = TaskTemporary("the time of the run is over", task.type.late, task.name)
        return replace(record, error=record.error or late, seconds=self._services.now() - start)

    async def _attempt(self, call: Call, record: TaskRecord) -> TaskRecord:
        task = call.task
        try:
            async with asyncio.timeout(call.timeout):
                output = task.type.run(call)
                if inspect.isawaitable(output):
                    output = await output
        except TimeoutError:
            late = TaskTemporary(f"not done within {call.timeout:g} s", task.type.late, task.name)
            return replace(record, output=None, error=late)
        except LinkPoolError as failure:
            return replace(record, output=None, error=blamed(task, failure))
        return replace(record, output=output, error=None)

    def _call(self, task: Task, inputs: tuple[Value, ...]) -> Call:
        left = max(self._deadline - self._services.now(), 0.0)
        usual = [limit for limit in (self._job.max_task_duration, task.type.timeout) if limit]
        limits = [task.timeout] if task.timeout else usual
        return Call(
            task,
            self._run_id,
            self._job.external_job_id.hex,
            self._variables,
            inputs,
            self._services,
            min([left, *limits]),
            self._job.gas_limit,
        )


def _first_error(inputs: tuple[Any, ...]) -> TaskError | None:
    failed = [value for value in inputs if isinstance(value, TaskError)]
    return next((error for error in failed if isinstance(error, TaskPermanent)), None) or next(
        iter(failed), None
    )


def _worth_repeating(record: TaskRecord, task: Task) -> bool:
    blame = record.error.cause if record.error else Cause.PARAMETERS
    return record.attempts < task.attempts and blame is not Cause.PARAMETERS


def blamed(task: Task, failure: LinkPoolError) -> TaskError:
    """A task's failure as a TaskError: a bad value is the fault of whoever it came from."""
    if isinstance(failure, TaskError):
        if not failure.task:
            return type(failure)(failure.reason, failure.cause, task.name)
        return failure
    reason = str(failure)
    if isinstance(failure, Temporary):
        return TaskTemporary(reason, Cause.OURS, task.name)
    reach = failure.reach if isinstance(failure, BadParameter) else task.reach
    if not isinstance(failure, BadValue) or reach is Reach.JOB:
        return TaskPermanent(reason, Cause.OURS, task.name)
    if reach is Reach.REQUEST:
        return TaskPermanent(reason, Cause.PARAMETERS, task.name)
    return TaskTemporary(reason, Cause.SOURCE_FAILED, task.name)
