"""The line above which people write when they answer a mail. Pure: what writes mails and what reads them share it."""

REPLY_LINE = "##- Please write above this line -##"
