"""What a rubric says, as typed models: items and checks, evidence, challenges, sections, bands.

The YAML is read by :mod:`autograder.rubric.loader`, which turns every violation of these models into a
file:line:column message.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr

from autograder.records import Limits

Budget = Literal["full", "short", "replay"]
"""How a notebook is tried: as handed in; with smaller numbers; not at all, but for its stored outputs."""

GoldenKind = Literal["full", "short", "stand_ins"]
"""Which runs of the reference golden values come from; `stand_ins`: short ones, on generated data."""

Number = StrictInt | StrictFloat
"""A YAML number. Text that looks like one (`"10"`) is refused."""


EvidenceKey = Annotated[str, "evidence"]
"""A check's parameter that names evidence of the part; without it the check cannot be tried."""

OptionalEvidenceKey = Annotated[str, "optional evidence"]
"""A check\'s parameter that names evidence which a correct notebook may lack; the check says what then."""

ChallengeKey = Annotated[str, "challenge"]
"""A check's parameter that names a challenge of the part."""


class Model(BaseModel):
    """Base of the rubric's models: unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class EvidenceSpec(Model):
    """How one observation is found among what a notebook left behind (design: names, paths, bindings, suggestion)."""

    kind: Literal["number", "array", "table", "function"]
    """`table`: one value per key, such as an acceptance rate per step size."""
    about: StrictStr
    """What it is, in the student's words; stands in messages: "the accepted samples"."""
    names: list[StrictStr] = Field(default_factory=list)
    """Accepted names and container paths, best first. `{key}` stands for a table's key."""
    own: list[StrictStr] = Field(default_factory=list)
    """Names that other items' sections use as well (`losses`): accepted in the item's own section only, and suggestions
    come from there alone, where sections can be told."""
    keys: list[Number] = Field(default_factory=list)
    """The keys of a table."""
    shape: list[StrictInt | StrictStr] = Field(default_factory=list)
    """Shape of an array; a letter fits any length, the same letter the same length."""
    length: list[StrictInt] = Field(default_factory=list)
    """[least, most] rows that a found array may have."""
    range: list[Number] = Field(default_factory=list)
    """[least, most] of a plausible number: what a suggestion must fall in."""
    hints: list[StrictStr] = Field(default_factory=list)
    """Words that a suggested name or a printed line must hold at least one of."""
    avoid: list[StrictStr] = Field(default_factory=list)
    """Words that rule a name or a printed line out."""
    positive: StrictBool = False
    """Whether a suggested array must be positive throughout."""
    integer: StrictBool = False
    """Whether a number must be a whole number."""
    agrees: list[StrictStr] = Field(default_factory=list)
    """Checks that tell which of several suggested values is meant: the one that they accept."""
    drawn: StrictBool = False
    """Whether it may also be read from a figure (bars, stems or a line), where it was drawn and not kept."""
    only_agreed: StrictBool = False
    """Whether a suggestion is used only when those checks accept it (a value that need not exist)."""
    suggest: StrictBool = True
    """Whether the namespace is searched when no name fits."""


class RoleSpec(Model):
    """How one argument of a challenged function is recognised."""

    kind: Literal[
        "target", "number", "point", "rng", "seed", "array", "tensor", "tokens", "module", "optimizer"
    ]
    names: list[StrictStr]
    contains: list[StrictStr] = Field(default_factory=list)
    """Words whose appearance in a parameter's name binds it when no name is equal."""
    globals: list[StrictStr] = Field(default_factory=list)
    """Names under which a function without such a parameter may use it as a global."""


class ChallengeSpec(Model):
    """A function of the student's that is called on inputs drawn at grading time."""

    mode: Literal[
        "call",
        "points",
        "module",
        "loss",
        "noise",
        "step",
        "decoder",
        "likelihood",
        "autoencoder",
        "subwords",
        "conditional",
        "characters",
        "windows",
        "denoiser",
        "noising",
    ]
    draw: StrictStr
    """The registered generator of the inputs (`autograder.probes.challenges`)."""
    params: dict[str, Any] = Field(default_factory=dict)
    n_cases: StrictInt = Field(default=1, ge=1, le=20)
    stored: StrictBool = False
    """Whether its inputs are drawn once, with the golden values, and the reference's answers are kept beside them: for
    functions that no formula of the grader knows."""
    names: list[StrictStr]
    contains: list[list[StrictStr]] = Field(default_factory=list)
    """Groups of words; a function whose name holds every word of one group is meant."""
    roles: dict[str, RoleSpec] = Field(default_factory=dict)


class TruthSpec(Model):
    """An exact value that mathematics knows; `autograder golden` computes and stores it."""

    truth: StrictStr
    """The registered truth (`autograder.truths`)."""
    params: dict[str, Any] = Field(default_factory=dict)


class SummarySpec(Model):
    """A statistic of an observed array whose replicates `autograder golden` stores."""

    statistic: StrictStr
    """The registered summary (`autograder.probes.summaries`)."""
    of: StrictStr
    """The evidence it is computed from; of a table, for each key."""
    about: StrictStr
    """What it is, in the student's words."""


class SectionSpec(Model):
    """How the cells that belong to an item are recognised."""

    headings: list[StrictStr]
    """Regular expressions for headings, tried without regard to case."""
    code: list[StrictStr] = Field(default_factory=list)
    """Regular expressions for code, used where a notebook has no headings."""


class BudgetSpec(Model):
    """One way to run a part: with which numbers, and how many replicates of the reference its bands rest on."""

    values: dict[StrictInt, StrictInt] = Field(default_factory=dict)
    """A number of the sheet to the one in its place, in the cell tagged `parameters`."""
    replicates: StrictInt = Field(default=60, ge=2)


class CriterionSpec(Model):
    """One thing that a written answer earns points for."""

    points: Number
    text: StrictStr
    """What has to be there, for the person who marks."""


class CheckSpec(Model):
    """One claim about the work, with its points."""

    id: StrictStr
    check: StrictStr
    """The registered check."""
    title: StrictStr
    points: Number
    params: dict[str, Any] = Field(default_factory=dict)
    why: StrictStr = ""
    hint: StrictStr = ""
    follows: StrictStr | list[StrictStr] | None = None
    """The check that this one rests on (the density under the draws), or several. When that one failed, this one cannot
    cost marks a second time: it passes if `proof` passed, and a person decides otherwise."""
    proof: StrictStr | None = None
    """The check of the same item that was judged with the reference's version of what `follows` names."""
    twin: StrictStr | None = None
    """The check that judges the same from other evidence, and takes the points when there is nothing to call."""
    unseen: Literal["twin", "person"] = "twin"
    """Who judges where nothing could be tried: the twin alone; or, where what it sees is right, a person."""
    budgets: list[Budget] = Field(default_factory=lambda: list[Budget](("full", "short")))
    """The budgets under which it can be tried; under another it waits."""
    public: StrictBool = False
    """Whether the student's self-check shows it."""
    hidden: StrictBool = False
    """Whether its expectation is kept from the student's report as well."""
    criteria: list[CriterionSpec] = Field(default_factory=list)
    """The marking guide of a written answer: what earns how much. For markers; students see none of it."""
    model_answer: StrictStr = ""
    """What a full answer says. For markers; students see none of it."""

    @property
    def rests_on(self) -> tuple[str, ...]:
        """The checks in `follows`."""
        if isinstance(self.follows, str):
            return (self.follows,)
        return tuple(self.follows or ())

    def follows_among(self, known: Collection[str]) -> str | list[str] | None:
        """Return `follows` without the checks that are not among `known`."""
        kept = [one for one in self.rests_on if one in known]
        return self.follows if len(kept) == len(self.rests_on) else kept or None


class WithheldSpec(Model):
    """How much of an item only the course checks; nothing says what."""

    n_checks: StrictInt = Field(default=0, ge=0)
    """Checks that a student's self-check does not show."""
    points: Number = 0
    n_written: StrictInt = Field(default=0, ge=0)
    """Written answers, which a person marks."""
    written_points: Number = 0


class ItemSpec(Model):
    """One marked task of the sheet."""

    id: StrictStr
    title: StrictStr
    points: Number
    sheet: StrictStr = ""
    """Where the sheet sets it."""
    extra: StrictBool = False
    """Whether its points are extra credit: earned above the points of the part, which are full without them."""
    checks: list[CheckSpec]
    withheld: WithheldSpec = Field(default_factory=WithheldSpec)
    """In the public part of a rubric, which students get: what was left out of the item."""


class ErratumSpec(Model):
    """A place where the sheet is wrong or silent, and how it is marked."""

    item: StrictStr
    title: StrictStr
    text: StrictStr
    public: StrictBool = False
    """Whether students get it before they hand in."""


class FormSpec(Model):
    """What the sheet asks of the form of a hand-in; a part's own keys go before those of the assignment."""

    filename: StrictStr = ""
    """The name that the notebook must have: `{word}` stands for a name or number, the same in every part, and
    `[...]` for what may be left out: `HW3_PT1_{ID1}[_{ID2}].ipynb`. Without it, `filenames` decides."""
    zip_name: StrictStr = ""
    """The name of the archive, with the same words: `{FirstName}_CA5.zip`."""
    outputs: StrictBool = True
    """Whether outputs must be stored, of cells that ran once from top to bottom."""
    answers: StrictBool = True
    """Whether every prompt must be replaced by an answer and every placeholder by code."""
    explanations: Literal["none", "sections", "cells"] = "none"
    """Where text is asked for: above the code of every section, or above every code cell."""
    comments: StrictBool = False
    """Whether the code must be commented."""
    names_on_top: StrictBool = False
    """Whether the names of the group must stand above the first code cell."""
    forbidden: list[StrictStr] = Field(default_factory=list)
    """Packages that no cell may import, by the names that are imported."""
    reminders: list[StrictStr] = Field(default_factory=list)
    """Sentences on what the sheet asks of the form and no program can see."""


class PartSpec(Model):
    """One notebook of the assignment."""

    part: StrictStr
    title: StrictStr
    points: Number
    false_fail_rate: StrictFloat = Field(gt=0.0, lt=0.1)
    """Chance that a correct notebook loses any automatic mark; split evenly over the random checks."""
    filenames: list[StrictStr]
    """File-name patterns (glob, without regard to case) by which the part's notebook is known."""
    imports: list[StrictStr] = Field(default_factory=list)
    """Modules whose import speaks for this part, where neither a file name nor a heading does."""
    form: FormSpec = Field(default_factory=FormSpec)
    """What the sheet asks of the form of this notebook, over the `form` of the assignment."""
    limits: Limits = Field(default_factory=Limits)
    data: list[StrictStr] = Field(default_factory=list)
    """The data sets that its notebooks need, under the names of `autograder data status`."""
    own_data: StrictBool = False
    """Whether students may choose another data set: then only notebooks whose code names one of `data` need it, and what
    a notebook could not load waits for a person."""
    budgets: dict[Literal["full", "short"], BudgetSpec] = Field(default_factory=dict)
    """How its notebooks are run; without `short` they always run as handed in."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Facts of the sheet that checks and challenges refer to."""
    sections: dict[str, SectionSpec] = Field(default_factory=dict)
    evidence: dict[str, EvidenceSpec] = Field(default_factory=dict)
    challenges: dict[str, ChallengeSpec] = Field(default_factory=dict)
    truths: dict[str, TruthSpec] = Field(default_factory=dict)
    summaries: dict[str, SummarySpec] = Field(default_factory=dict)
    items: list[ItemSpec]
    errata: list[ErratumSpec] = Field(default_factory=list)
    changes: list[dict[str, StrictStr]] = Field(default_factory=list)
    """Why tolerances or points were changed after marking began: `{date, author, why}`; `rescore` shows it."""
    public_values: list[StrictStr] = Field(default_factory=list)
    """Golden values that public checks need and that students may therefore have; `release` refuses others."""

    def values_of(self, budget: Budget) -> dict[int, int]:
        """Return the numbers that a budget replaces; none where the part has no such budget."""
        return self.budgets[budget].values if budget != "replay" and budget in self.budgets else {}

    def golden_kind(self, budget: Budget, stand_ins: bool = False) -> GoldenKind:
        """Return which golden values hold: stored outputs are those of a full run."""
        if budget != "short" or "short" not in self.budgets:
            return "full"
        return "stand_ins" if stand_ins else "short"

    def checks(self) -> Iterator[tuple[ItemSpec, CheckSpec]]:
        """Return every check with its item, in the order of the rubric."""
        for item in self.items:
            for check in item.checks:
                yield item, check


class Rubric(Model):
    """An assignment: its title and its parts."""

    assignment: StrictStr
    title: StrictStr
    parts: list[PartSpec]
    form: FormSpec = Field(default_factory=FormSpec)
    """What the sheet asks of the form of every notebook."""
    sha256: str = ""
    """Over the bytes of all files of the rubric."""

    def form_of(self, part: PartSpec) -> FormSpec:
        """Return what the sheet asks of the form of a part's notebook."""
        return self.form.model_copy(
            update={key: getattr(part.form, key) for key in part.form.model_fields_set}
        )

    def part(self, part_id: str) -> PartSpec:
        """Return the part called `part_id`; KeyError when there is none."""
        for part in self.parts:
            if part.part == part_id:
                return part
        raise KeyError(part_id)
