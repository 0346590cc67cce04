"""The resources of refget in Django: each view asks `answers`."""

from typing import Any

from django.conf import settings

from catalogue.access import AuthenticationRequired, CredentialsUnverified, Hidden, PermissionRefused
from catalogue.audit import Kind
from catalogue.errors import NotFound
from ga4gh.exchange import Answer
from ga4gh.views import GuardedView, ProtocolView
from refget_app import answers
from refget_app.protocol import PROTOCOL

_REFUSALS = (Hidden, AuthenticationRequired, CredentialsUnverified, PermissionRefused)


class _SequenceResource(GuardedView):
    protocol = PROTOCOL
    event = Kind.SEQUENCE

    def audit_target(self, error: Exception) -> str | None:
        """Record who was refused a private sequence; the rest is reference data, asked for thousands of times a second.

        Where existence is hidden, unknown sequences are recorded too: both take the same time.
        """
        hidden = settings.HIDE_CONTROLLED and isinstance(error, NotFound)
        return self.asked.target if hidden or isinstance(error, _REFUSALS) else None


class SequenceView(_SequenceResource):
    """`/sequence/<id>` and `/md5/<md5>`."""

    def get(self, request: Any, identifier: str) -> Answer:
        """Return residues."""
        return answers.sequence(self.asked)


class MetadataView(_SequenceResource):
    """`/sequence/<id>/metadata`."""

    def get(self, request: Any, identifier: str) -> Answer:
        """Return checksums, length and names."""
        return answers.metadata(self.asked)


class ServiceInfoView(ProtocolView):
    """`/sequence/service-info` and `/service-info`."""

    protocol = PROTOCOL

    def get(self, request: Any) -> Answer:
        """Return service-info, in the layout of version 1 to clients that name it."""
        return answers.service_info(self.asked)
