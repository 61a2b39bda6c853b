"""Jobs: a specification, a process of its own, an event file, and a result that names a new model."""

from cytoshift.jobs.corrections import learning_spec
from cytoshift.jobs.events import read_events
from cytoshift.jobs.folder import JobError
from cytoshift.jobs.process import Job, JobState, attach, create, jobs_folder, list_jobs, new_job_folder, start
from cytoshift.jobs.result import JobResult
from cytoshift.jobs.spec import JobSpec, LearnSpec, SlideSource, TrainSpec

__all__ = [
    "Job",
    "JobError",
    "JobResult",
    "JobSpec",
    "JobState",
    "LearnSpec",
    "SlideSource",
    "TrainSpec",
    "attach",
    "create",
    "jobs_folder",
    "learning_spec",
    "list_jobs",
    "new_job_folder",
    "read_events",
    "start",
]
