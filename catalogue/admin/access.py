"""Admin pages of grants, API tokens and identities."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from catalogue import api_tokens
from catalogue.admin.base import Audited
from catalogue.admin.roles import ByRole, Managed, PickerScope, ScopedFilter, managed_by
from catalogue.admin.unfolded import TabularInline
from catalogue.models import (
    FILE_KINDS,
    ApiToken,
    Dataset,
    Grant,
    GrantFile,
    GrantRegion,
    Identity,
    Scope,
    SequenceCollection,
)
from catalogue.models.access import reading_scopes
from catalogue.stewardship import role_fault

#: The fields by which stewards name an account or group in a grant: they cannot browse accounts and groups.
GRANTEE_NAMES = {"user": "username", "group": "name"}


class GrantForm(forms.ModelForm):  # type: ignore[type-arg]
    """A grant, limited to what the account that fills in the form may grant."""

    kinds = forms.MultipleChoiceField(
        choices=FILE_KINDS,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=_("none ticked: reads and variants"),
    )

    class Meta:
        model = Grant
        fields = "__all__"  # noqa: DJ007

    #: Objects to which the account may grant access, and roles; set for each request. None means all.
    manageable: Managed | None = None
    owned: Managed | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, attribute in GRANTEE_NAMES.items():
            grantee = getattr(self.instance, name, None)
            if grantee is not None and isinstance(self.fields[name].widget, forms.TextInput):
                self.initial[name] = getattr(grantee, attribute)

    def clean(self) -> dict[str, Any]:
        """Check the account's role: stewards grant access to readers, owners also appoint owners and stewards."""
        cleaned: dict[str, Any] = super().clean() or {}
        if self.manageable is None or self.owned is None:
            return cleaned
        what = cleaned.get("dataset") or cleaned.get("collection")
        for of, role in ((what, cleaned.get("role")), *self._former()):
            if fault := role_fault(of, role, managed=self.manageable, owned=self.owned):
                raise forms.ValidationError(fault)
        return cleaned

    def _former(self) -> list[tuple[Dataset | SequenceCollection | None, str]]:
        """Return the dataset or collection and the role of the stored grant; nothing for a new one."""
        rows = Grant.objects.filter(pk=self.instance.pk).select_related("dataset", "collection")
        return [(former.dataset or former.collection, former.role) for former in rows]

    def _get_validation_exclusions(self) -> set[str]:
        # The flags of limits are read-only in the form; constraints on them are checked all the same.
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded - {"limited_to_files", "limited_to_regions"}


class LimitInline(PickerScope, TabularInline):  # type: ignore[type-arg]
    """Limits of a grant, editable by whoever may change the grant. Only grants to readers have limits."""

    extra = 0

    def _allowed(self, request: HttpRequest, obj: Any = None) -> bool:
        grants = self.admin_site.get_model_admin(Grant)
        if obj is None:
            return bool(grants.has_add_permission(request))
        return bool(obj.role == Grant.Role.READER and grants.has_change_permission(request, obj))

    has_view_permission = has_add_permission = has_change_permission = has_delete_permission = _allowed


class GrantRegionInline(LimitInline):
    """The regions that a grant is limited to. Adding the first one limits the grant permanently."""

    model = GrantRegion


class GrantFileInline(LimitInline):
    """The files that a grant is limited to. Adding the first one limits the grant permanently."""

    model = GrantFile
    autocomplete_fields = ("file",)


@admin.register(Grant)
class GrantAdmin(ByRole[Grant], Audited[Grant]):
    """Who may see what."""

    form = GrantForm
    of_dataset, of_collection = "dataset", "collection"
    list_display = ("what", "grantee", "role", "limits", "expires", "note")
    list_filter = (
        "role",
        ("dataset", ScopedFilter),
        ("collection", ScopedFilter),
        ("expires", admin.EmptyFieldListFilter),
    )
    search_fields = (
        "dataset__slug",
        "collection__name",
        "user__username",
        "group__name",
        "visa_value",
        "note",
    )
    autocomplete_fields = ("dataset", "collection", "user", "group")
    list_select_related = ("dataset", "collection", "user", "group")
    readonly_fields = ("limited_to_files", "limited_to_regions", "created")
    inlines = (GrantRegionInline, GrantFileInline)
    fieldsets = (
        (_("What"), {"fields": ("dataset", "collection", "role")}),
        (_("To whom: one account, one group, or holders of one visa"), {"fields": ("user", "group")}),
        (None, {"fields": ("visa_type", "visa_value", "visa_source", "visa_issuer")}),
        (
            _("Limits"),
            {"fields": ("expires", "kinds", "header_only", "limited_to_files", "limited_to_regions")},
        ),
        (_("History"), {"fields": ("note", "created")}),
    )

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Let stewards type the name of an account or a group, which they cannot browse."""
        if db_field.name in GRANTEE_NAMES and not self.changes_everything(request):
            return forms.ModelChoiceField(
                db_field.remote_field.model.objects.all(),
                to_field_name=GRANTEE_NAMES[db_field.name],
                widget=forms.TextInput(attrs={"class": "vTextField"}),
                required=False,
                help_text=_("the name in full"),
                error_messages={"invalid_choice": _("There is nobody of this name.")},
            )
        return super().formfield_for_foreignkey(db_field, request, **options)

    def get_form(
        self, request: HttpRequest, obj: Grant | None = None, change: bool = False, **options: Any
    ) -> Any:
        """Return the form, limited to what the account may grant."""
        base = super().get_form(request, obj, change=change, **options)
        if self.changes_everything(request):
            return base
        scope = {"manageable": managed_by(request), "owned": managed_by(request, owned=True)}
        return type("GrantForm", (base,), scope)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the account may grant anything."""
        return super().has_add_permission(request) or self.manages(request, None)

    def has_delete_permission(self, request: HttpRequest, obj: Grant | None = None) -> bool:
        """Return whether the account may delete a grant: a steward those to readers, an owner any."""
        if super().has_delete_permission(request, obj):
            return True
        is_of_reader = obj is None or obj.role == Grant.Role.READER
        return self.manages(request, obj, owned=not is_of_reader)

    def consequences(self, request: HttpRequest, obj: Grant) -> Sequence[str]:
        """Return what taking a grant back means."""
        what = obj.dataset or obj.collection
        return (
            f"{obj.grantee} is no longer {obj.role} of {what} by this grant; other grants to them stay.",
            "It gives no more tickets, and data URLs in earlier ones end at once. What was fetched stays fetched.",
        )

    @admin.display(description=_("of"))
    def what(self, row: Grant) -> str:
        return str(row.dataset or row.collection)

    @admin.display(description=_("to"))
    def grantee(self, row: Grant) -> str:
        if row.user is None:
            return row.grantee
        link = f"{reverse('admin:person')}?{urlencode({'name': row.user.get_username()})}"
        return format_html('<a href="{}">{}</a>', link, row.grantee)

    @admin.display(description=_("limits"))
    def limits(self, row: Grant) -> str:
        said = [*row.kinds, *(["headers"] if row.header_only else [])]
        if row.limited_to_files:
            said.append(f"{row.files.count()} files")
        if row.limited_to_regions:
            said.append(f"{row.regions.count()} regions")
        return ", ".join(said)


class ApiTokenForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new token."""

    scopes = forms.MultipleChoiceField(
        choices=Scope.choices, initial=reading_scopes, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = ApiToken
        fields = ("user", "name", "scopes", "expires")

    def clean_expires(self) -> Any:
        """Reject times in the past and beyond the limit of the settings."""
        return api_tokens.checked_expiry(self.cleaned_data.get("expires"))


@admin.register(ApiToken)
class ApiTokenAdmin(Audited[ApiToken]):
    """API tokens of accounts: created here and shown once, or revoked."""

    form = ApiTokenForm
    list_display = ("prefix", "user", "name", "scopes", "created", "expires", "last_used", "usable")
    list_filter = (("revoked", admin.EmptyFieldListFilter), ("expires", admin.EmptyFieldListFilter))
    search_fields = ("prefix", "name", "user__username")
    autocomplete_fields = ("user",)
    list_select_related = ("user",)
    actions = ("revoke",)

    def get_readonly_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> tuple[str, ...]:
        """Return the read-only fields: all of them once the token exists."""
        if obj is None:
            return ()
        return ("user", "name", "prefix", "scopes", "created", "expires", "last_used", "revoked")

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> tuple[str, ...]:
        """Return the fields of the form, or those that are shown."""
        return self.get_readonly_fields(request, obj) or ("user", "name", "scopes", "expires")

    def has_delete_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        """Return False: tokens are revoked instead, so that the audit can still refer to them."""
        return False

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        """Generate the secret of a new token and save it."""
        if not change:
            request.new_token = api_tokens.save_new(obj)  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the token on this page only: it is stored neither in the session nor in a cookie."""
        context = {**self.admin_site.each_context(request), "token": request.new_token, "row": obj}  # type: ignore[attr-defined]
        return TemplateResponse(request, "admin/catalogue/apitoken/shown.html", context)

    @admin.action(description=_("Revoke"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """Revoke the selected tokens at once."""
        count = 0
        for token in queryset.filter(revoked=None):
            token.revoked = timezone.now()
            token.save(update_fields=["revoked"])
            self.log_change(request, token, "revoked")
            count += 1
        self.message_user(request, _("%d tokens were revoked.") % count)

    @admin.display(boolean=True, description=_("usable"))
    def usable(self, row: ApiToken) -> bool:
        return row.usable


@admin.register(Identity)
class IdentityAdmin(Audited[Identity]):
    """Links between accounts and the subjects of OpenID Connect issuers."""

    list_display = ("issuer", "subject", "user", "created")
    search_fields = ("issuer", "subject", "user__username")
    autocomplete_fields = ("user",)
    list_select_related = ("user",)
