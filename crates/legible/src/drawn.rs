//! Letters that fonts draw like Latin ones, beyond what UTS #39 says of them.

/// Whether it is drawn like a letter of ASCII though its skeleton is none: small forms of capitals, mostly.
pub(crate) fn like_latin(c: char) -> bool {
    "кмтвпԱετχκʟᴀʙᴄᴅᴇꜰɢʜᴊᴋᴍɴᴏᴘʀꜱᴛᴜᴠᴡᴢʍⲈ".contains(c)
}
