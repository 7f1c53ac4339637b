"""Kill switches: firing and claiming for the whole platform, and the claims of a pool."""

from litestar import Controller, Router, post
from litestar.params import FromPath, JSONBody

from application.scheduling.queries import SchedulingReader
from application.scheduling.switches import Switches
from application.scheduling.views import ClusterView
from application.shared.principal import Principal
from domain.scheduling.switch import CLAIMING, FIRING, Switch
from interfaces.rest.documented import problems
from interfaces.rest.injected import Injected
from interfaces.rest.scheduling.reasons import NO_REASON, Reason, ReasonParameter, required_reason


class SwitchController(Controller):
    """The answer is the cluster's status, with all that is stopped. Other nodes follow within five seconds."""

    path = "/cluster"
    tags = ("Cluster",)

    @post("/firing/stop", operation_id="stopFiring", status_code=200, responses=problems(415))
    async def stop_firing(
        self,
        principal: Injected[Principal],
        switches: Injected[Switches],
        reader: Injected[SchedulingReader],
        reason: ReasonParameter = None,
        data: JSONBody[Reason] = NO_REASON,
    ) -> ClusterView:
        """Fire no schedule any more. They stay due; once it goes on, their misfire policies decide what is made up for.

        Runs that somebody asks for, and tasks that exist, go on.
        """
        await switches.stop(principal, FIRING, required_reason(data, reason))
        return await reader.cluster(principal.tenant)

    @post("/firing/start", operation_id="startFiring", status_code=200, responses=problems())
    async def start_firing(
        self, principal: Injected[Principal], switches: Injected[Switches], reader: Injected[SchedulingReader]
    ) -> ClusterView:
        """Let schedules fire again."""
        await switches.start(FIRING)
        return await reader.cluster(principal.tenant)

    @post("/claiming/stop", operation_id="stopClaiming", status_code=200, responses=problems(415))
    async def stop_claiming(
        self,
        principal: Injected[Principal],
        switches: Injected[Switches],
        reader: Injected[SchedulingReader],
        reason: ReasonParameter = None,
        data: JSONBody[Reason] = NO_REASON,
    ) -> ClusterView:
        """Give no executor a task any more. What runs goes on and is reported."""
        await switches.stop(principal, CLAIMING, required_reason(data, reason))
        return await reader.cluster(principal.tenant)

    @post("/claiming/start", operation_id="startClaiming", status_code=200, responses=problems())
    async def start_claiming(
        self, principal: Injected[Principal], switches: Injected[Switches], reader: Injected[SchedulingReader]
    ) -> ClusterView:
        """Let executors take tasks again."""
        await switches.start(CLAIMING)
        return await reader.cluster(principal.tenant)


@post("/pause", operation_id="pausePool", status_code=200, responses=problems(415, 422))
async def pause_pool(
    pool: FromPath[str],
    principal: Injected[Principal],
    switches: Injected[Switches],
    reader: Injected[SchedulingReader],
    reason: ReasonParameter = None,
    data: JSONBody[Reason] = NO_REASON,
) -> ClusterView:
    """Hand out no tasks of a pool any more. What runs goes on."""
    await switches.stop(principal, Switch.of_pool(principal.tenant, pool), required_reason(data, reason))
    return await reader.cluster(principal.tenant)


@post("/resume", operation_id="resumePool", status_code=200, responses=problems(422))
async def resume_pool(
    pool: FromPath[str],
    principal: Injected[Principal],
    switches: Injected[Switches],
    reader: Injected[SchedulingReader],
) -> ClusterView:
    """Hand out the tasks of a pool again."""
    await switches.start(Switch.of_pool(principal.tenant, pool))
    return await reader.cluster(principal.tenant)


SWITCHES = (SwitchController, Router("/pools/{pool:str}", tags=["Cluster"], route_handlers=[pause_pool, resume_pool]))
