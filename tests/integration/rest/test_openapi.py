"""The description of the API is complete, stays stable, and is read without any other server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.rest.api import Api

OPERATIONS = {
    "backfillJob", "jobHealth", "cancelBackfill", "getBackfill", "listBackfills", "pauseBackfill", "resumeBackfill",
    "activateExecutor", "activateJob", "applyJobs", "assignTask", "batchTasks", "clusterStatus", "completeTask",
    "detectFailedExecutors", "executorOfTask", "listActiveExecutors", "listActiveJobs", "listScheduledTasks",
    "explainJob", "explainTask", "listFailureGroups",
    "listTasksByStatus", "listTasksOfJob", "redriveFailures", "rerunTask", "retryTask",
    "listJobVersions", "pausePool", "resumePool", "startClaiming", "startFiring", "stopClaiming", "stopFiring",
    "patchJob", "validateJob", "failTask", "logTask", "startTask",
    "cancelTask", "changeLogger", "claimTasks", "componentHealth",
    "createJob", "createTask", "deactivateExecutor", "deleteJob", "disableJob", "drainExecutor", "getExecutor",
    "getJob", "getLogger", "getTask", "health", "heartbeat", "info", "leave", "listAttempts", "listExecutors",
    "listJobs", "listLoggers", "listOccurrences", "listOrphans", "listTasks", "liveness", "nextFires", "pauseJob",
    "previewTrigger",
    "prometheus", "publishEvents", "readLog", "readiness", "registerExecutor", "reportTasks", "resumeJob", "triggerJob",
    "updateJob", "getGraph", "listRuns", "getRun", "cancelRun", "listAncestors", "listDependencies", "listDependents",
    "planRun",
    "acquireLock", "checkFence", "clusterLocks", "clusterNodes", "extendLock", "getLock", "listLocks", "releaseLock",
    "followEvents", "listSinks", "listDeadLetters", "redriveDeadLetters", "purgeDeadLetters",
    "createWebhook", "listWebhooks", "getWebhook", "rotateWebhookSecret", "deleteWebhook",
    "skipFire", "unskipFire", "withdrawChange", "reportProgress", "saveCheckpoint",
    "listUpcoming",
    "listOperations", "getOperation", "patchOperation", "runOperation", "pauseOperation", "resumeOperation",
    "listOperationExecutions", "listExecutions", "getExecution",
}  # fmt: skip


@pytest.fixture
def store_url(sqlite_url: str) -> str:
    """Nothing here depends on the store."""
    return sqlite_url


@pytest.fixture
async def document(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = (await api.http.get("/openapi.json")).json()
    return found


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()


async def test_operation_ids_are_the_agreed_ones(document: dict[str, Any]) -> None:
    """Clients are generated from them: add new ones here, never rename."""
    assert document["openapi"].startswith("3.1")
    assert {operation["operationId"] for operation in operations(document)} == OPERATIONS


async def test_every_operation_says_what_it_does_and_how_it_refuses(document: dict[str, Any]) -> None:
    for operation in operations(document):
        assert operation["summary"]
        assert operation["tags"]
        for status, response in operation["responses"].items():
            media_types = set(response.get("content", ()))
            if int(status) >= 400:
                assert media_types == {"application/problem+json"}
            else:
                assert media_types & {"application/json", "text/event-stream", "text/plain; version=0.0.4"}


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    references = set(re.findall(r"'\$ref': '#/components/schemas/([^']+)'", str(document)))
    assert references
    assert references <= set(document["components"]["schemas"])


async def test_shapes_forbid_unknown_members_and_tell_triggers_apart(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["JobDocument"]["additionalProperties"] is False
    assert schemas["JobDocument"]["required"] == ["name", "type"]
    assert schemas["JobDocument"]["properties"]["trigger"]["discriminator"]["propertyName"] == "type"
    assert schemas["Plan"]["properties"]["jobs"]["items"] == {"$ref": "#/components/schemas/JobDocument"}
    assert schemas["Claim"]["properties"]["reports"]["items"] == {"$ref": "#/components/schemas/ReportBody"}


async def test_a_body_is_required_where_the_call_means_nothing_without_it(document: dict[str, Any]) -> None:
    paths = document["paths"]
    assert paths["/api/v1/jobs"]["post"]["requestBody"]["required"] is True
    assert paths["/api/v1/jobs/{job}/pause"]["post"]["requestBody"]["required"] is False


async def test_every_body_has_an_example(document: dict[str, Any]) -> None:
    """`interfaces.rest.openapi.examples` has them; each is called on every store."""
    for operation in operations(document):
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
            assert "example" in content, f"{operation['operationId']} has no example of {media_type}"


async def test_a_log_may_be_streamed(document: dict[str, Any]) -> None:
    content = document["paths"]["/api/v1/tasks/{task}/logs"]["get"]["responses"]["200"]["content"]
    assert set(content) == {"application/json", "application/x-ndjson"}


async def test_the_pages_load_nothing_from_elsewhere(api: Api) -> None:
    home = await api.http.get("/", follow_redirects=True)
    assert home.url.path == "/docs"
    loaded = re.findall(r'(?:src|href)="([^"]+)"', home.text)
    assert loaded
    for path in (*loaded, "/openapi.json", "/docs/problems"):
        assert path.startswith("/")
        assert (await api.http.get(path)).status_code == 200
    script = await api.http.get("/docs/assets/swagger-ui-bundle.js")
    assert script.headers["content-type"].startswith(("text/javascript", "application/javascript"))
    assert re.search(r'PACKAGE_VERSION:"5\.', script.text)


async def test_other_files_of_the_package_are_not_served(api: Api) -> None:
    for name in ("swagger-editor.js", "..%2Fcore.py", "%2Fetc%2Fpasswd"):
        assert (await api.http.get(f"/docs/assets/{name}")).status_code == 404


async def test_each_problem_has_its_place_on_the_page_that_its_type_names(api: Api) -> None:
    page = (await api.http.get("/docs/problems")).text
    for path in ("/jobs/nobody", "/tasks/nobody", "/nowhere", "/jobs?a=b", "/jobs?cursor=x", "/cluster/executors/x"):
        kind = (await api.refusal("GET", path))["type"]
        anchor = kind.removeprefix("/docs/problems#")
        assert f'id="{anchor}"' in page
