"""Accounts and groups: Django's own pages, whose changes go into the audit."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User

from catalogue.admin.base import Audited
from catalogue.models import Identity

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


@admin.register(Group)
class AuditedGroupAdmin(Audited[Group], GroupAdmin):
    """Groups of accounts."""
