"""Models of access: grants, API tokens, and identities of accounts at OpenID Connect issuers."""

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length
from django.db.models.lookups import Exact
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from catalogue.formats.spec import FileKind
from catalogue.models.files import FILE_KINDS, DataFile, Dataset
from catalogue.models.recorded import Recorded
from catalogue.models.sequences import SequenceCollection
from catalogue.models.violations import BY_TRIGGER

DIGEST_BYTES = 32


class Scope(models.TextChoices):
    """What an API token may be used for."""

    READS = "reads", _("reads")
    VARIANTS = "variants", _("variants")
    SEQUENCES = "sequences", _("sequences")
    MANAGE = "manage", _("manage: change by the API what the account may change on the desk")


def every_scope() -> list[str]:
    """Return all scopes."""
    return [scope.value for scope in Scope]


def reading_scopes() -> list[str]:
    """Return the scopes of a token that reads whatever its account may read, and changes nothing."""
    return [scope.value for scope in Scope if scope is not Scope.MANAGE]


class ApiToken(Recorded):
    """A secret that stands for an account on the protocol paths, until it expires or is revoked.

    Only the SHA-256 of the secret is stored: the secret has 256 random bits, so that no slower hash is needed.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100, help_text=_("what it is for, in your own words"))
    prefix = models.CharField(max_length=16, unique=True, editable=False, help_text=_("by which it is found"))
    digest = models.BinaryField(editable=False, help_text=_("SHA-256 of the secret"))
    scopes = ArrayField(models.CharField(max_length=9, choices=Scope), default=reading_scopes)
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField(null=True, blank=True)
    last_used = models.DateTimeField(null=True, blank=True, editable=False)
    revoked = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("API token")
        ordering = ("-created",)
        constraints = (
            models.CheckConstraint(
                condition=Exact(Length("digest"), DIGEST_BYTES),
                name="token_digest_is_32_bytes",
                violation_error_message=_("The digest of a token is its SHA-256, of 32 bytes."),
            ),
            models.CheckConstraint(
                condition=Q(scopes__len__gt=0, scopes__contained_by=every_scope()),
                name="token_has_known_scopes",
                violation_error_message=_(
                    "A token needs at least one scope: reads, variants, sequences or manage."
                ),
            ),
            models.CheckConstraint(
                condition=~Q(name="") & ~Q(prefix=""),
                name="token_is_named",
                violation_error_message=_("A token needs a name."),
            ),
            models.CheckConstraint(
                condition=Q(expires__isnull=True) | Q(expires__gt=F("created")),
                name="token_expires_after_it_was_made",
                violation_error_message=_("A token has to expire after it was made."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.prefix}… ({self.name})"

    @property
    def usable(self) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked is None and (self.expires is None or self.expires > timezone.now())


class Identity(Recorded):
    """An account's identity at an OpenID Connect issuer: the issuer's tokens for `subject` stand for the account."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="identities")
    issuer = models.CharField(max_length=255)
    subject = models.CharField(max_length=255)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = _("identities")
        ordering = ("issuer", "subject")
        constraints = (
            models.UniqueConstraint(
                fields=("issuer", "subject"),
                name="identity_unique",
                violation_error_message=_("This subject of the issuer belongs to an account already."),
            ),
            models.CheckConstraint(
                condition=~Q(issuer="") & ~Q(subject=""),
                name="identity_is_named",
                violation_error_message=_("An identity needs an issuer and a subject."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.subject} at {self.issuer}"


class Grant(Recorded):
    """Access to one dataset, or to one private collection of sequences, for one user, one group or holders of a visa.

    Without limits a reader may fetch everything. With `limited_to_files` or `limited_to_regions` it covers only the
    rows of `files` and `regions`, and nothing without rows: the database sets these flags with the first row and
    refuses to clear them while there are rows. Triggers increase `revision` with every change of the grant and its
    limits, so that leases given under an earlier state can be recognised.
    """

    class Role(models.TextChoices):
        """What the grantee may do besides reading."""

        OWNER = "owner", _("owner: reads, appoints owners and stewards, sets the visibility")
        STEWARD = "steward", _("steward: reads, describes, grants access to readers")
        READER = "reader", _("reader")

    dataset = models.ForeignKey(
        Dataset, on_delete=models.CASCADE, null=True, blank=True, related_name="grants"
    )
    collection = models.ForeignKey(
        SequenceCollection, on_delete=models.CASCADE, null=True, blank=True, related_name="grants"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="grants"
    )
    group = models.ForeignKey(Group, on_delete=models.CASCADE, null=True, blank=True, related_name="grants")
    visa_type = models.CharField(max_length=64, blank=True, help_text=_("such as ControlledAccessGrants"))
    visa_value = models.CharField(max_length=255, blank=True, help_text=_("matched in full and in case"))
    visa_source = models.CharField(max_length=255, blank=True, help_text=_("any when empty"))
    visa_issuer = models.CharField(
        max_length=255, blank=True, help_text=_("any of the trusted ones when empty")
    )
    role = models.CharField(max_length=7, choices=Role, default=Role.READER)
    expires = models.DateTimeField(null=True, blank=True)
    kinds = ArrayField(
        models.CharField(max_length=8, choices=FILE_KINDS),
        default=list,
        blank=True,
        help_text=_("reads and variants when empty"),
    )
    header_only = models.BooleanField(default=False, help_text=_("headers of files and nothing else"))
    limited_to_files = models.BooleanField(default=False)
    limited_to_regions = models.BooleanField(default=False)
    note = models.CharField(max_length=255, blank=True, help_text=_("such as the number of the agreement"))
    revision = models.PositiveIntegerField(default=1, editable=False)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created",)
        indexes = (
            models.Index(
                fields=("visa_type", "visa_value"), condition=~Q(visa_type=""), name="grant_by_visa"
            ),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(dataset__isnull=False, collection__isnull=True)
                | Q(dataset__isnull=True, collection__isnull=False),
                name="grant_is_of_one_thing",
                violation_error_message=_("A grant is of one dataset or of one collection."),
            ),
            models.CheckConstraint(
                condition=(
                    Q(user__isnull=False, group__isnull=True) | Q(user__isnull=True, group__isnull=False)
                )
                & Q(visa_type="", visa_value="", visa_source="", visa_issuer="")
                | Q(user__isnull=True, group__isnull=True) & ~Q(visa_type="") & ~Q(visa_value=""),
                name="grant_is_to_one_grantee",
                violation_error_message=_(
                    "A grant is to one account, to one group, or to holders of one visa (type and value)."
                ),
            ),
            models.CheckConstraint(
                condition=Q(kinds__contained_by=[kind.value for kind in FileKind]),
                name="grant_kinds_are_known",
                violation_error_message=_("A grant can be limited to reads or variants."),
            ),
            models.CheckConstraint(
                condition=Q(dataset__isnull=False, role="reader")
                | Q(kinds__len=0, header_only=False, limited_to_files=False, limited_to_regions=False),
                name="grant_limits_are_for_readers_of_files",
                violation_error_message=_(
                    "Only readers of a dataset can be limited to kinds, headers, files or regions."
                ),
            ),
            models.CheckConstraint(
                condition=~Q(header_only=True, limited_to_regions=True),
                name="grant_of_headers_has_no_regions",
                violation_error_message=_("A grant of headers cannot be limited to regions."),
            ),
            models.UniqueConstraint(
                fields=(
                    "dataset",
                    "collection",
                    "user",
                    "group",
                    "visa_type",
                    "visa_value",
                    "visa_source",
                    "visa_issuer",
                    "role",
                    "expires",
                    "kinds",
                    "header_only",
                ),
                # The files and regions of a limited grant are in other tables.
                condition=Q(limited_to_files=False, limited_to_regions=False),
                nulls_distinct=False,
                name="grant_unique",
                violation_error_message=_("The same grant is there already."),
            ),
            models.CheckConstraint(
                condition=Q(visa_type="") | Q(role="reader"),
                name="grant_to_a_visa_is_for_reading",
                violation_error_message=_("Holders of a visa can only be readers."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.role} of {self.dataset or self.collection}: {self.grantee}"

    @property
    def grantee(self) -> str:
        """The grantee, in words."""
        if self.visa_type:
            return f"{self.visa_type} {self.visa_value}"
        return f"group {self.group}" if self.group_id else str(self.user)


class GrantFile(Recorded):
    """One of the files that a grant is limited to."""

    grant = models.ForeignKey(Grant, on_delete=models.CASCADE, related_name="files")
    file = models.ForeignKey(DataFile, on_delete=models.CASCADE, related_name="grants")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("grant", "file"),
                name="grant_file_unique",
                violation_error_message=_("The grant names this file already."),
            ),
        )

    def __str__(self) -> str:
        return str(self.file)

    def clean(self) -> None:
        """Raise ValidationError unless the file belongs to the grant's dataset; a trigger enforces this too."""
        if self.file_id is not None and self.file.dataset_id != self.grant.dataset_id:
            raise ValidationError(BY_TRIGGER["grant_file_is_of_its_dataset"])


class GrantRegion(Recorded):
    """One of the regions that a grant is limited to: positions `start` to `end`, 0-based and half-open.

    `contig` is the name in the file's header, or any name of the same sequence. An `end` of None means the end of the
    contig.
    """

    grant = models.ForeignKey(Grant, on_delete=models.CASCADE, related_name="regions")
    contig = models.CharField()
    start = models.BigIntegerField(default=0, help_text=_("the first position, counted from 0"))
    end = models.BigIntegerField(
        null=True, blank=True, help_text=_("the first position after it; empty: to the end of the contig")
    )

    class Meta:
        ordering = ("contig", "start")
        constraints = (
            models.CheckConstraint(
                condition=~Q(contig="") & ~Q(contig="*"),
                name="region_has_a_contig",
                violation_error_message=_("A region needs the name of a contig, and * is none."),
            ),
            models.CheckConstraint(
                condition=Q(start__gte=0) & (Q(end__isnull=True) | Q(end__gt=F("start"))),
                name="region_is_not_empty",
                violation_error_message=_("A region starts at 0 or later and ends after its start."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.contig}:{self.start}-{'' if self.end is None else self.end}"
