"""Domains where anybody gets an address: never an organisation's own (S060)."""

import re
from typing import NoReturn

from django.core.exceptions import ValidationError

_WELL_KNOWN = """
    126.com 163.com aim.com aol.com att.net bellsouth.net bk.ru bluewin.ch bol.com.br btinternet.com charter.net
    comcast.net cox.net duck.com earthlink.net email.com fastmail.com fastmail.fm foxmail.com free.fr freenet.de
    gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com hey.com hotmail.co.uk hotmail.com hotmail.de
    hotmail.es hotmail.fr hotmail.it hushmail.com icloud.com inbox.ru interia.pl internode.on.net laposte.net libero.it
    list.ru live.co.uk live.com live.de live.fr live.nl mac.com mail.com mail.de mail.ru mailbox.org mailfence.com
    mailinator.com me.com msn.com naver.com ntlworld.com o2.pl online.de optonline.net orange.fr outlook.com
    outlook.com.br outlook.de outlook.es outlook.fr outlook.jp pm.me posteo.de posteo.net proton.me protonmail.ch
    protonmail.com qq.com rambler.ru rediffmail.com riseup.net rocketmail.com runbox.com sbcglobal.net seznam.cz sfr.fr
    shaw.ca sina.com sky.com sohu.com startmail.com sympatico.ca t-online.de talktalk.net telenet.be terra.com.br
    tiscali.it tuta.com tuta.io tutamail.com tutanota.com tutanota.de ukr.net uol.com.br verizon.net virgilio.it
    virginmedia.com wanadoo.fr web.de wp.pl ya.ru yahoo.ca yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.au
    yahoo.com.br yahoo.de yahoo.es yahoo.fr yahoo.it yandex.com yandex.ru yeah.net ymail.com zoho.com zohomail.com
    10minutemail.com guerrillamail.com sharklasers.com temp-mail.org trashmail.com yopmail.com
"""
PUBLIC_MAIL_DOMAINS = frozenset(_WELL_KNOWN.split())

_DOMAIN = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]", re.ASCII)


def check_company_domain(value: str) -> None:
    """ValidationError (field "domain") unless `value`, in small letters, is a domain that one organisation can own."""
    if not _DOMAIN.fullmatch(value):
        _refuse("Write a domain such as northwind.example.", "not_a_domain")
    if value in PUBLIC_MAIL_DOMAINS:
        _refuse("Anybody gets an address there, so nobody may join by it.", "public_mail")


def _refuse(sentence: str, code: str) -> NoReturn:
    raise ValidationError({"domain": ValidationError(sentence, code=code)})
