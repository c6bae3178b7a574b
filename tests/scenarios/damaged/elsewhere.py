"""Lines that only work elsewhere."""

from tests.scenarios.damaged.colab import COLAB_LINES
from tests.scenarios.damaged.notebooks import Notebook, cells, code, damages, solutions, text


def above_each_solution(notebook: Notebook, lines: str) -> None:
    """Put lines at the top of every solution cell."""
    for position in solutions(notebook):
        cells(notebook)[position]["source"] = f"{lines}\n{text(cells(notebook)[position])}"


def installs_at_the_top(notebook: Notebook) -> None:
    above_each_solution(
        notebook, "!pip install -q peft \\\n    transformers\n%pip install torch\n!apt-get -y install git"
    )


def colab_imports_at_the_top(notebook: Notebook) -> None:
    above_each_solution(notebook, f"{COLAB_LINES}drive.mount('/content/drive')\nuploaded = files.upload()")


def questions_at_the_top(notebook: Notebook) -> None:
    above_each_solution(notebook, "import getpass\nname = input('Your name? ')\ntoken = getpass.getpass()")


def widgets_at_the_top(notebook: Notebook) -> None:
    lines = "import ipywidgets as widgets\nfrom IPython.display import display\ndisplay(widgets.IntSlider(value=4))"
    above_each_solution(notebook, lines)


def packages_that_are_not_here(notebook: Notebook) -> None:
    above_each_solution(notebook, "import wandb_of_mine\nwandb_of_mine.init(project='hw')\nassert wandb_of_mine.run")


def files_and_gpus_of_their_own(notebook: Notebook) -> None:
    above_each_solution(notebook, "data = open('/content/drive/MyDrive/data.csv').read()\nassert data, 'on my machine'")


def magics_around_the_solution(notebook: Notebook) -> None:
    for position in solutions(notebook):
        source = text(cells(notebook)[position])
        cells(notebook)[position]["source"] = f"%%time\n%matplotlib inline\n{source}\n%whos\n!nvidia-smi"


def help_and_shell_around_the_solution(notebook: Notebook) -> None:
    for position in solutions(notebook):
        source = text(cells(notebook)[position])
        cells(notebook)[position]["source"] = f"here = !pwd\n%time 1 + 1\n{source}\nprint?\n?print"


def cells_that_fail_and_ask(notebook: Notebook) -> None:
    extra = ["input('go on?')", "files.upload()", "1/0", "%%bash\npip install x", "%run missing.py", "while", "\x00"]
    for position in reversed(solutions(notebook)):
        cells(notebook)[position:position] = [code(source) for source in extra[:4]]
    cells(notebook)[:0] = [code(source) for source in extra]


def escapes_and_form_feeds(notebook: Notebook) -> None:
    above_each_solution(notebook, "pattern = '\\d'  # \u2028 a separator\n\x0c")


CASES = damages(
    installs_at_the_top,
    colab_imports_at_the_top,
    questions_at_the_top,
    widgets_at_the_top,
    packages_that_are_not_here,
    files_and_gpus_of_their_own,
    magics_around_the_solution,
    help_and_shell_around_the_solution,
    cells_that_fail_and_ask,
    escapes_and_form_feeds,
)
