/// A character set with a byte for each letter, whose first half is ASCII.
struct SingleByteCharset: Sendable {
    /// What stands for a byte without a letter.
    private static let hole: Unicode.Scalar = "."

    /// Those of the last bytes, up to 0xFF; every byte before is the letter of its number.
    private let letters: [Unicode.Scalar]

    /// - Parameter table: the letters of the last bytes, with a full stop for each that has none.
    private init(_ table: String) {
        letters = table.unicodeScalars.map { $0 == Self.hole ? "\u{FFFD}" : $0 }
    }

    func decode(_ bytes: ArraySlice<UInt8>) -> String {
        let first = 0x100 - letters.count
        var text = String.UnicodeScalarView()
        for byte in bytes { text.append(Int(byte) < first ? Unicode.Scalar(byte) : letters[Int(byte) - first]) }
        return String(text)
    }

    /// By their names, in lower case and without anything that is no letter or digit.
    static let named: [String: SingleByteCharset] = [
        "iso88591": latin1, "latin1": latin1,
        "windows1250": windows1250, "cp1250": windows1250,
        "windows1251": windows1251, "cp1251": windows1251,
        "windows1252": windows1252, "cp1252": windows1252,
        "windows1253": windows1253, "cp1253": windows1253,
        "windows1254": windows1254, "cp1254": windows1254,
        "windows1255": windows1255, "cp1255": windows1255,
        "windows1256": windows1256, "cp1256": windows1256,
        "windows1257": windows1257, "cp1257": windows1257,
        "windows1258": windows1258, "cp1258": windows1258,
        "windows874": windows874, "cp874": windows874, "tis620": windows874, "iso885911": windows874,
        "koi8r": koi8R,
        "koi8u": koi8U,
        "iso88592": iso8859part2, "latin2": iso8859part2,
        "iso88594": iso8859part4, "latin4": iso8859part4,
        "iso88595": iso8859part5,
        "iso88596": iso8859part6,
        "iso88597": iso8859part7,
        "iso88598": iso8859part8, "iso88598i": iso8859part8,
        "iso88599": iso8859part9, "latin5": iso8859part9,
        "iso885913": iso8859part13, "latin7": iso8859part13,
        "iso885915": iso8859part15, "latin9": iso8859part15,
    ]
}

/// Marks, blanks and letters that run from the right stand here by their numbers: nobody could read them otherwise.
extension SingleByteCharset {
    private static let latin1 = SingleByteCharset("")
    private static let windows1250 = SingleByteCharset(
        """
        €.‚.„…†‡.‰Š‹ŚŤŽŹ.‘’“”•–—.™š›śťžź\u{A0}ˇ˘Ł¤Ą¦§¨©Ş«¬\u{AD}®Ż°±˛ł´µ¶·¸ąş»Ľ˝ľżŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝ\
        Ţßŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙
        """
    )
    private static let windows1251 = SingleByteCharset(
        """
        ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—.™љ›њќћџ\u{A0}ЎўЈ¤Ґ¦§Ё©Є«¬\u{AD}®Ї°±Ііґµ¶·ё№є»јЅѕїАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭ\
        ЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя
        """
    )
    private static let windows1252 = SingleByteCharset(
        """
        €.‚ƒ„…†‡ˆ‰Š‹Œ.Ž..‘’“”•–—˜™š›œ.žŸ\u{A0}¡¢£¤¥¦§¨©ª«¬\u{AD}®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝ\
        Þßàáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ
        """
    )
    private static let windows1253 = SingleByteCharset(
        """
        €.‚ƒ„…†‡.‰.‹.....‘’“”•–—.™.›....\u{A0}΅Ά£¤¥¦§¨©.«¬\u{AD}®―°±²³΄µ¶·ΈΉΊ»Ό½ΎΏΐΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡ.ΣΤΥΦΧΨΩΪΫάέ\
        ήίΰαβγδεζηθικλμνξοπρςστυφχψωϊϋόύώ.
        """
    )
    private static let windows1254 = SingleByteCharset(
        """
        €.‚ƒ„…†‡ˆ‰Š‹Œ....‘’“”•–—˜™š›œ..Ÿ\u{A0}¡¢£¤¥¦§¨©ª«¬\u{AD}®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏĞÑÒÓÔÕÖ×ØÙÚÛÜİ\
        Şßàáâãäåæçèéêëìíîïğñòóôõö÷øùúûüışÿ
        """
    )
    private static let windows1255 = SingleByteCharset(
        """
        €.‚ƒ„…†‡ˆ‰.‹.....‘’“”•–—˜™.›....\u{A0}¡¢£₪¥¦§¨©×«¬\u{AD}®¯°±²³´µ¶·¸¹÷»¼½¾¿\u{5B0}\u{5B1}\u{5B2}\u{5B3}\
        \u{5B4}\u{5B5}\u{5B6}\u{5B7}\u{5B8}\u{5B9}.\u{5BB}\u{5BC}\u{5BD}\u{5BE}\u{5BF}\u{5C0}\u{5C1}\u{5C2}\
        \u{5C3}\u{5F0}\u{5F1}\u{5F2}\u{5F3}\u{5F4}.......\u{5D0}\u{5D1}\u{5D2}\u{5D3}\u{5D4}\u{5D5}\u{5D6}\
        \u{5D7}\u{5D8}\u{5D9}\u{5DA}\u{5DB}\u{5DC}\u{5DD}\u{5DE}\u{5DF}\u{5E0}\u{5E1}\u{5E2}\u{5E3}\u{5E4}\
        \u{5E5}\u{5E6}\u{5E7}\u{5E8}\u{5E9}\u{5EA}..\u{200E}\u{200F}.
        """
    )
    private static let windows1256 = SingleByteCharset(
        """
        €\u{67E}‚ƒ„…†‡ˆ‰\u{679}‹Œ\u{686}\u{698}\u{688}\u{6AF}‘’“”•–—\u{6A9}™\u{691}›œ\u{200C}\u{200D}\u{6BA}\
        \u{A0}،¢£¤¥¦§¨©\u{6BE}«¬\u{AD}®¯°±²³´µ¶·¸¹\u{61B}»¼½¾\u{61F}\u{6C1}\u{621}\u{622}\u{623}\u{624}\u{625}\
        \u{626}\u{627}\u{628}\u{629}\u{62A}\u{62B}\u{62C}\u{62D}\u{62E}\u{62F}\u{630}\u{631}\u{632}\u{633}\
        \u{634}\u{635}\u{636}×\u{637}\u{638}\u{639}\u{63A}\u{640}\u{641}\u{642}\u{643}à\u{644}â\u{645}\u{646}\
        \u{647}\u{648}çèéêë\u{649}\u{64A}îï\u{64B}\u{64C}\u{64D}\u{64E}ô\u{64F}\u{650}÷\u{651}ù\u{652}ûü\u{200E}\
        \u{200F}\u{6D2}
        """
    )
    private static let windows1257 = SingleByteCharset(
        """
        €.‚.„…†‡.‰.‹.¨ˇ¸.‘’“”•–—.™.›.¯˛.\u{A0}.¢£¤.¦§Ø©Ŗ«¬\u{AD}®Æ°±²³´µ¶·ø¹ŗ»¼½¾æĄĮĀĆÄÅĘĒČÉŹĖĢĶĪĻŠŃŅÓŌÕÖ×ŲŁŚŪÜŻ\
        Žßąįāćäåęēčéźėģķīļšńņóōõö÷ųłśūüżž˙
        """
    )
    private static let windows1258 = SingleByteCharset(
        """
        €.‚ƒ„…†‡ˆ‰.‹Œ....‘’“”•–—˜™.›œ..Ÿ\u{A0}¡¢£¤¥¦§¨©ª«¬\u{AD}®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂĂÄÅÆÇÈÉÊË\u{300}ÍÎÏĐÑ\
        \u{309}ÓÔƠÖ×ØÙÚÛÜƯ\u{303}ßàáâăäåæçèéêë\u{301}íîïđñ\u{323}óôơö÷øùúûüư₫ÿ
        """
    )
    private static let windows874 = SingleByteCharset(
        """
        €....…...........‘’“”•–—........\u{A0}กขฃคฅฆงจฉชซฌญฎฏฐฑฒณดตถทธนบปผฝพฟภมยรฤลฦวศษสหฬอฮฯะ\u{E31}าำ\u{E34}\
        \u{E35}\u{E36}\u{E37}\u{E38}\u{E39}\u{E3A}....฿เแโใไๅๆ\u{E47}\u{E48}\u{E49}\u{E4A}\u{E4B}\u{E4C}\u{E4D}\
        \u{E4E}๏๐๑๒๓๔๕๖๗๘๙๚๛....
        """
    )
    private static let koi8R = SingleByteCharset(
        """
        ─│┌┐└┘├┤┬┴┼▀▄█▌▐░▒▓⌠■∙√≈≤≥\u{A0}⌡°²·÷═║╒ё╓╔╕╖╗╘╙╚╛╜╝╞╟╠╡Ё╢╣╤╥╦╧╨╩╪╫╬©юабцдефгхийклмнопярстужвьызшэщчъЮАБ\
        ЦДЕФГХИЙКЛМНОПЯРСТУЖВЬЫЗШЭЩЧЪ
        """
    )
    private static let koi8U = SingleByteCharset(
        """
        ─│┌┐└┘├┤┬┴┼▀▄█▌▐░▒▓⌠■∙√≈≤≥\u{A0}⌡°²·÷═║╒ёє╔ії╗╘╙╚╛ґ╝╞╟╠╡ЁЄ╣ІЇ╦╧╨╩╪Ґ╬©юабцдефгхийклмнопярстужвьызшэщчъЮАБ\
        ЦДЕФГХИЙКЛМНОПЯРСТУЖВЬЫЗШЭЩЧЪ
        """
    )
    private static let iso8859part2 = SingleByteCharset(
        """
        \u{A0}Ą˘Ł¤ĽŚ§¨ŠŞŤŹ\u{AD}ŽŻ°ą˛ł´ľśˇ¸šşťź˝žżŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢßŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüý\
        ţ˙
        """
    )
    private static let iso8859part4 = SingleByteCharset(
        """
        \u{A0}ĄĸŖ¤ĨĻ§¨ŠĒĢŦ\u{AD}Ž¯°ą˛ŗ´ĩļˇ¸šēģŧŊžŋĀÁÂÃÄÅÆĮČÉĘËĖÍÎĪĐŅŌĶÔÕÖ×ØŲÚÛÜŨŪßāáâãäåæįčéęëėíîīđņōķôõö÷øųúûüũ\
        ū˙
        """
    )
    private static let iso8859part5 = SingleByteCharset(
        """
        \u{A0}ЁЂЃЄЅІЇЈЉЊЋЌ\u{AD}ЎЏАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя№ёђѓєѕіїјљњћќ§\
        ўџ
        """
    )
    private static let iso8859part6 = SingleByteCharset(
        """
        \u{A0}...¤.......،\u{AD}.............\u{61B}...\u{61F}.\u{621}\u{622}\u{623}\u{624}\u{625}\u{626}\u{627}\
        \u{628}\u{629}\u{62A}\u{62B}\u{62C}\u{62D}\u{62E}\u{62F}\u{630}\u{631}\u{632}\u{633}\u{634}\u{635}\
        \u{636}\u{637}\u{638}\u{639}\u{63A}.....\u{640}\u{641}\u{642}\u{643}\u{644}\u{645}\u{646}\u{647}\u{648}\
        \u{649}\u{64A}\u{64B}\u{64C}\u{64D}\u{64E}\u{64F}\u{650}\u{651}\u{652}.............
        """
    )
    private static let iso8859part7 = SingleByteCharset(
        """
        \u{A0}‘’£€₯¦§¨©ͺ«¬\u{AD}.―°±²³΄΅Ά·ΈΉΊ»Ό½ΎΏΐΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡ.ΣΤΥΦΧΨΩΪΫάέήίΰαβγδεζηθικλμνξοπρςστυφχψωϊϋόύ\
        ώ.
        """
    )
    private static let iso8859part8 = SingleByteCharset(
        """
        \u{A0}.¢£¤¥¦§¨©×«¬\u{AD}®¯°±²³´µ¶·¸¹÷»¼½¾................................‗\u{5D0}\u{5D1}\u{5D2}\u{5D3}\
        \u{5D4}\u{5D5}\u{5D6}\u{5D7}\u{5D8}\u{5D9}\u{5DA}\u{5DB}\u{5DC}\u{5DD}\u{5DE}\u{5DF}\u{5E0}\u{5E1}\
        \u{5E2}\u{5E3}\u{5E4}\u{5E5}\u{5E6}\u{5E7}\u{5E8}\u{5E9}\u{5EA}..\u{200E}\u{200F}.
        """
    )
    private static let iso8859part9 = SingleByteCharset(
        """
        \u{A0}¡¢£¤¥¦§¨©ª«¬\u{AD}®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏĞÑÒÓÔÕÖ×ØÙÚÛÜİŞßàáâãäåæçèéêëìíîïğñòóôõö÷øùúûüı\
        şÿ
        """
    )
    private static let iso8859part13 = SingleByteCharset(
        """
        \u{A0}”¢£¤„¦§Ø©Ŗ«¬\u{AD}®Æ°±²³“µ¶·ø¹ŗ»¼½¾æĄĮĀĆÄÅĘĒČÉŹĖĢĶĪĻŠŃŅÓŌÕÖ×ŲŁŚŪÜŻŽßąįāćäåęēčéźėģķīļšńņóōõö÷ųłśūüż\
        ž’
        """
    )
    private static let iso8859part15 = SingleByteCharset(
        """
        \u{A0}¡¢£€¥Š§š©ª«¬\u{AD}®¯°±²³Žµ¶·ž¹º»ŒœŸ¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõö÷øùúûüý\
        þÿ
        """
    )
}
