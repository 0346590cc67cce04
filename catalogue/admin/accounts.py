"""Accounts and groups: Django's own pages, whose changes go into the audit."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest

from catalogue.admin.base import Audited
from catalogue.models import ApiToken, Identity

admin.site.unregister(User)
admin.site.unregister(Group)


class IdentityInline(admin.TabularInline[Identity, User]):
    """As whom issuers know the account."""

    model = Identity
    extra = 0


@admin.register(User)
class AccountAdmin(Audited[User], UserAdmin[User]):
    """Accounts."""

    inlines = (IdentityInline,)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Let tokens, which are otherwise only revoked, go with their account."""
        to_delete, counts, forbidden, protected = super().get_deleted_objects(objs, request)
        return to_delete, counts, forbidden - {ApiToken._meta.verbose_name}, protected


@admin.register(Group)
class AuditedGroupAdmin(Audited[Group], GroupAdmin):
    """Groups of accounts."""
