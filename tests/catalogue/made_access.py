"""Builders of accounts, grants and viewers."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group, User
from django.utils import timezone

from catalogue.access import Asked, Permission, Viewer, Visa, permissions
from catalogue.models import DataFile, Dataset, Grant, GrantFile, GrantRegion, SequenceCollection

VISA = Visa(
    type="ControlledAccessGrants",
    value="https://dataset.example.org/1",
    source="https://dac.example.org",
    issuer="https://visas.example.org",
    expires=2**33,
)


def make_user(name: str, *groups: Group, **fields: Any) -> User:
    """An account, in groups."""
    user: User = User.objects.create_user(name, **fields)
    user.groups.add(*groups)
    return user


def viewer_for(user: User, **more: Any) -> Viewer:
    """Somebody who showed good credentials of an account."""
    return Viewer(name=user.get_username(), user=user.pk, **more)


def make_grant(
    what: Dataset | SequenceCollection,
    to: User | Group | Visa,
    *,
    regions: list[tuple[str, int, int | None]] | None = None,
    files: list[Any] | None = None,
    expired: bool = False,
    **fields: Any,
) -> Grant:
    """A grant; `regions` and `files` are its limits, an empty list of which leaves nothing."""
    if isinstance(to, Visa):
        fields |= {"visa_type": to.type, "visa_value": to.value}
    else:
        fields["user" if isinstance(to, User) else "group"] = to
    fields["dataset" if isinstance(what, Dataset) else "collection"] = what
    if expired:
        fields["expires"] = timezone.now() - timedelta(seconds=1)
    grant = Grant.objects.create(
        limited_to_regions=regions is not None, limited_to_files=files is not None, **fields
    )
    for contig, start, end in regions or ():
        GrantRegion.objects.create(grant=grant, contig=contig, start=start, end=end)
    for file in files or ():
        GrantFile.objects.create(grant=grant, file=file)
    grant.refresh_from_db()
    return grant


def make_granted_file(dataset: Dataset, htsget_id: str = "a", format: str = "BAM") -> DataFile:
    """A row of a file that is stored nowhere."""
    kind = "reads" if format in {"BAM", "CRAM"} else "variants"
    return DataFile.objects.create(
        dataset=dataset, kind=kind, htsget_id=htsget_id, format=format, storage="files", key=htsget_id, size=1,
        etag="e", header=b"h", header_end=1, has_eof=True,
    )  # fmt: skip


def asked(file: DataFile) -> Asked:
    """A file as a permission is asked for it."""
    return Asked(file=file.pk, kind=file.kind, dataset=file.dataset_id, visibility=file.dataset.visibility)


def given(viewer: Viewer, file: DataFile) -> Permission | None:
    """What a viewer may have of a file."""
    return permissions(viewer, [asked(file)]).get(file.pk)
