"""What the staff is told about a mail besides its text: key and sentence."""

TOO_COMPLEX = "too_complex"
FILES_LEFT_OUT = "files_left_out"
EMPTY_FILE = "empty_file"
TEXT_CUT = "text_cut"
REPLY_TO_DIFFERS = "reply_to_differs"
CC_IGNORED = "cc_ignored"
CC_PENDING = "cc_pending"
SUBJECT_CHANGED = "subject_changed"
SUBJECT_TAG = "subject_tag"
AUTOMATIC = "automatic"

SENTENCES = {
    TOO_COMPLEX: "The message was too complex to be read in full. The original holds all of it.",
    FILES_LEFT_OUT: "It came with more files than fit on a message. The original holds all of them.",
    EMPTY_FILE: "One of its files was empty.",
    TEXT_CUT: "The text was too long: its rest is in the attached file.",
    REPLY_TO_DIFFERS: "Its sender asks for answers at another address (Reply-To). We answer the verified sender.",
    CC_IGNORED: "It was copied to more people than a request may have: nobody of them was copied in.",
    CC_PENDING: "It was copied to people who get nothing before somebody confirms them.",
    SUBJECT_CHANGED: "Its subject is another than the request's: perhaps it is about something else.",
    SUBJECT_TAG: "Its subject names another request. That alone proves nothing.",
    AUTOMATIC: "Sent by a machine: it moved nothing, and nobody was told.",
}
"""A remark's sentence for the staff, by its key; keys are at most 20 characters."""
