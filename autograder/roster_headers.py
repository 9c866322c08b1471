"""What the columns of rosters are called: in plain lists, and in Moodle's worksheets in several languages.

Another language is another entry here. A worksheet whose language is missing is still read by what its cells look
like; only its teams and times need the name of their column.
"""

from __future__ import annotations

import unicodedata
from typing import Literal

Column = Literal[
    "number",
    "login",
    "email",
    "canvas",
    "integration",
    "moodle",
    "name",
    "first name",
    "last name",
    "section",
    "group",
    "role",
    "submitted",
]


def plain_header(text: str) -> str:
    """Return the name of a column in the form in which it is compared: composed, small letters, single blanks.

    >>> plain_header(" Student_ID "), plain_header("E-Mail")
    ('student id', 'email')
    """
    text = unicodedata.normalize("NFKC", text).strip("\ufeff").casefold()
    return " ".join(text.replace("_", " ").replace("-", "").replace("#", "").split())


def _names(*texts: str) -> frozenset[str]:
    return frozenset(plain_header(text) for text in texts)


IDENTIFIERS = _names(
    "Identifier", "ID", "Identifiant", "Identificador", "Identificatore", "Identificativo", "Identyfikator",
    "Identifikátor", "Identificatie", "Tunniste", "Идентификатор", "Ідентифікатор", "標識符", "标识符", "編號", "编号",
    "識別子", "식별자", "المعرف", "מזהה",
)  # fmt: skip
"""The first column of a Moodle worksheet."""

GRADED = _names(
    "Grade", "Maximum grade", "Last modified (grade)", "Grade can be changed", "Bewertung", "Bestwertung",
    "Zuletzt geändert (Bewertung)", "Note", "Note maximale", "Calificación", "Calificación máxima", "Nota",
    "Nota máxima", "Valutazione", "Valutazione massima", "Punteggio massimo", "Cijfer", "Maximumcijfer", "Ocena",
    "Maksymalna ocena", "Известна", "Оценка", "Оцінка", "成绩", "成績", "分数", "評定", "最大評点", "성적", "Známka",
)  # fmt: skip
"""Columns of grades."""

COLUMNS: dict[Column, frozenset[str]] = {
    "number": _names(
        "ID", "Student ID", "StudentID", "Student Number", "Student No", "Number", "SID", "ID number", "IDNumber",
        "SIS User ID", "SIS ID", "OrgDefinedId", "Matriculation number", "Matriculation", "Matrikelnummer",
        "Matrikel-Nr.", "ID-Nummer", "Numéro d'identification", "Numéro d’identification", "Número de ID",
        "Número de identificación", "Número ID", "Número de identificação", "Codice identificativo",
        "Codice di identificazione", "Matricola", "ID-nummer", "Numer ID", "Numer identyfikacyjny",
        "Identifikační číslo", "Индивидуальный номер", "Ідентифікаційний номер", "学号", "ID 号", "ID 號碼", "學號",
        "IDナンバー", "学籍番号", "ID 번호", "학번",
    ),
    "login": _names(
        "Login", "Username", "User name", "User", "NetID", "SIS Login ID", "Login ID", "Account", "Anmeldename",
        "Benutzername", "Nom d'utilisateur", "Nombre de usuario", "Username", "Gebruikersnaam", "用户名", "ユーザ名",
    ),
    "email": _names(
        "Email", "E-mail", "Mail", "Email address", "E-mail address", "E-Mail-Adresse", "Adresse de courriel",
        "Adresse e-mail", "Courriel", "Dirección de correo", "Dirección Email", "Dirección de correo electrónico",
        "Correo electrónico", "Endereço de email", "Endereço de e-mail", "Indirizzo email", "E-mailadres",
        "Adres e-mail", "E-mailová adresa", "Адрес электронной почты", "Електронна пошта", "电子邮件地址", "Email 地址",
        "電子郵件信箱", "メールアドレス", "이메일 주소",
    ),
    "canvas": _names("Canvas ID", "Canvas User ID", "User ID"),
    "integration": _names("Integration ID"),
    "moodle": _names("Identifier", "Participant", "Participant number", "Moodle participant"),
    "name": _names(
        "Name", "Full name", "Fullname", "Student", "Student name", "Vollständiger Name", "Nom complet",
        "Nombre completo", "Nombre", "Nome completo", "Nome", "Cognome/Nome", "Volledige naam", "Imię i nazwisko",
        "Pełna nazwa", "Celé jméno", "Полное имя", "Повне ім'я", "全名", "姓名", "氏名", "フルネーム", "성명", "이름",
        "Prénom/Nom", "Vorname/Nachname", "First name / Last name",
    ),
    "first name": _names("First name", "Firstname", "Given name", "Vorname", "Prénom", "Voornaam", "Imię"),
    "last name": _names("Last name", "Lastname", "Surname", "Family name", "Nachname", "Nom", "Apellidos", "Achternaam"),
    "section": _names("Section", "Sections", "Section name", "Lab", "Tutorial"),
    "group": _names(
        "Group", "Group name", "Team", "Team name", "Gruppe", "Groupe", "Grupo", "Gruppo", "Groep", "Grupa",
        "Skupina", "Группа", "Група", "小组", "群組", "グループ", "모둠",
    ),
    "role": _names("Role", "Roles"),
    "submitted": _names(
        "Submitted", "Submitted at", "Submission time", "Handed in", "Last modified (submission)",
        "Zuletzt geändert (Abgabe)", "Dernière modification (travail remis)", "Dernière modification (remise)",
        "Última modificación (entrega)", "Última atualização (submissão)", "Última modificação (envio)",
        "Ultima modifica (consegna)", "Laatst gewijzigd (inzending)", "Poslední změna (odevzdání)",
        "Последнее изменение (ответ)", "最后修改（学生）", "最后修改（提交）", "最終更新日時 (提出)",
    ),
}  # fmt: skip
"""Names of columns, as :func:`plain_header` gives them."""
