"""The list of all invariants that a history is checked for; the numbers are those of the list in the documentation."""

from __future__ import annotations

from tests.invariants import of_clients, of_dependencies, of_fires, of_tasks, of_the_cluster
from tests.invariants.checking import Invariant

INVARIANTS = tuple(
    Invariant(id=id_, says=says, judge=judge)
    for id_, says, judge in (
        ("I1", "a fire has one entry that runs, and one task", of_fires.unique),
        ("I2", "every fire is planned, every other task was asked for", of_fires.no_phantom),
        ("I3", "nothing is given away or begun before its time", of_tasks.not_early),
        ("I4", "no planned fire is left undecided; what fired was run", of_fires.none_missed),
        ("I5", "planned fires are decided in time, faults aside", of_fires.timely),
        ("I6", "tokens only rise, and are never shared", of_tasks.tokens_rise),
        ("I7", "only who holds a task ends it, after finishing it; lies fail", of_tasks.fenced),
        ("I7b", "an attempt is begun by its holder, once", of_tasks.begun_once),
        ("I8", "a task ends once and stays as it ended", of_tasks.one_end),
        ("I9", "all changes of state are of the table", of_tasks.by_the_table),
        ("I10", "attempts follow each other; none beyond the policy", of_tasks.attempts_counted),
        ("I11", "retries wait as long as the policy says", of_tasks.backed_off),
        ("I12", "attempts end at their time-out", of_tasks.timed_out),
        ("I12b", "what is told to stop lets go in time", of_tasks.let_go),
        ("I13", "what a dead executor held is taken from it in time", of_the_cluster.death_seen),
        ("I14", "nobody whose beats arrive is declared lost", of_the_cluster.no_false_death),
        ("I15", "never more tasks under way than the limit", of_the_cluster.limits_kept),
        ("I16", "what follows a task does so once, and after it", of_dependencies.followed),
        ("I17", "fixed rates do not drift", of_fires.fixed_rate),
        ("I18", "fixed delays follow the end of the run; chains hold", of_fires.fixed_delay),
        ("I19", "a one-time job fires once", of_fires.one_time),
        ("I20", "locks exclude; their tokens rise", of_clients.locks_exclude),
        ("I21", "ends are told in their commit; followers miss nothing", of_the_cluster.events_told),
        ("I22", "repeated requests take effect once", of_clients.idempotent),
        ("I22b", "one live task at most has a unique key", of_clients.unique_keys),
        ("I23", "a paused job does not fire", of_fires.pauses),
        ("I24", "schedules only advance", of_fires.schedules_advance),
        ("I25", "what was answered is there", of_clients.durable),
        ("I26", "no task is gone or there twice; none lives on", of_the_cluster.conserved),
        ("I26b", "what runs is held, what waits is not", of_tasks.leases_kept),
        ("I30", "when faults are over everything is well again", of_the_cluster.heals),
    )
)
