"""Events of the audit that tests look at or make."""

from django.db import connection

from catalogue.models import AuditEvent


def last_event() -> AuditEvent:
    """Return the event written last."""
    return AuditEvent.objects.order_by("-id")[0]


def make_old_event(days: int) -> AuditEvent:
    """An event of so many days ago: nothing in the project can make one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO catalogue_auditevent (happened, kind, outcome, actor, credential, request_id, dataset, target,"
            " detail) VALUES (now() - make_interval(days => %s), 'ticket', 'done', '', '', '', '', 't', '{}')"
            " RETURNING id",
            [days],
        )
        (pk,) = cursor.fetchone()
    return AuditEvent.objects.get(pk=pk)
