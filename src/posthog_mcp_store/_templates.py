"""`store.templates`: the catalogue of servers that can be installed."""

from __future__ import annotations

import builtins

from ._adapter import Adapter, Template
from ._core.keyword_hints import explain_keywords


@explain_keywords
class Templates:
    """The catalogue of servers that can be installed in one project.

    Its calls raise the same errors as those of Installations.
    """

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter

    async def list(self) -> builtins.list[Template]:
        """List the templates by name. Pass one of them to `installations.install_template()`.

        Entries come and go with the catalogue, so a stored `template_id` may no longer exist.

        Raises:
            NotFoundError: There is no such project, or the instance of PostHog has no catalogue.
        """
        return await self._adapter.mcp_servers_list()
