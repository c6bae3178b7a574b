"""A link that opens the released notebook in Colab, once the course says where its repository is."""

import re
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import TraitError, Unicode, validate

IMAGE = "https://colab.research.google.com/assets/colab-badge.svg"


class ColabBadge(NbGraderPreprocessor):
    """Put the badge under the notebook's title; without a ``repository`` the notebook stays as it is."""

    repository = Unicode("", help="GitHub repository that holds the release, as owner/name").tag(config=True)
    branch = Unicode("main", help="branch of that repository").tag(config=True)

    @validate("repository")
    def _owner_and_name(self, proposal: Any) -> str:
        value: str = proposal["value"]
        if value and not re.fullmatch(r"[\w.-]+/[\w.-]+", value):
            raise TraitError(f"ColabBadge.repository is {value!r}; write owner/name, or leave it empty for no badge")
        return value

    def preprocess(self, nb: NotebookNode, resources: Any) -> Any:
        title = nb.cells[0]
        if self.repository and title.cell_type == "markdown":
            names = resources["nbgrader"]
            heading, _, rest = title.source.partition("\n")
            link = self.link(names["assignment"], names["notebook"])
            title.source = f"{heading}\n\n[![Open in Colab]({IMAGE})]({link})\n{rest}"
        return nb, resources

    def link(self, assignment: str, notebook: str) -> str:
        """Address under which Colab opens the released notebook from GitHub."""
        path = f"release/{assignment}/{notebook}.ipynb"
        return f"https://colab.research.google.com/github/{self.repository}/blob/{self.branch}/{path}"
