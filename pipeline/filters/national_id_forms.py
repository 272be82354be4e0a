"""Countries' identity numbers: their names, their formats, and what checks them.

Sources: the issuing offices' descriptions as python-stdnum documents them (each form has the name
of its module; "" if a number has no check digit).
"""

# country, names of its numbers (separated by "|"; case ignored; ends of long ones may be missing),
# [(its format, module of python-stdnum or check of national_ids.py, when it counts)]
ALONE = "alone"  # its format is enough evidence
PERSON = "person"  # after its name, or directly after a person's: it has a date or two check digits
NAMED = "named"  # only after its name
# names that a form's field has for any of them, in any country
ANY_COUNTRY = "national id|nationalid|national identity|identity number|id card number|citizen id"
TABLE: tuple[tuple[str, str, list[tuple[str, str, str]]], ...] = (
    ("US", "ssn|ssns|social security|itin|itins|taxpayer id|tax payer id", [
        (r"(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}", "", ALONE),
        (r"(?!000|666|9)\d{3} (?!00)\d\d (?!0000)\d{4}", "", PERSON),
        (r"(?!000|666)\d{3}[ .-]?(?!00)\d\d[ .-]?(?!0000)\d{4}", "", NAMED),
    ]),
    ("GB", "national insurance|nino|ni number|ni no|nhs", [
        (r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?: \d\d){3} [A-D]", "", ALONE),
        (r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]", "", PERSON),
        (r"[1-9]\d{9}|[1-9]\d\d \d{3} \d{4}|[1-9]\d\d-\d{3}-\d{4}", "gb.nhs", NAMED),
    ]),
    ("IN", "aadhaar|aadhar|uid|uidai|आधार|pan|permanent account", [
        (r"[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}", "in_.aadhaar", NAMED),
        (r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]", "", PERSON),
    ]),
    ("BR", "cpf|cadastro de pessoa", [
        (r"\d{3}\.\d{3}\.\d{3}-\d\d", "br.cpf", ALONE),
        (r"\d{9}-?\d\d", "br.cpf", PERSON),
    ]),
    ("ES", "dni|d.n.i|nie|n.i.e|nif|n.i.f|documento nacional", [
        (r"\d{8}[ -]?[A-HJ-NP-TV-Z]", "es.dni", ALONE),
        (r"\d{2}\.\d{3}\.\d{3}[ -]?[A-HJ-NP-TV-Z]", "es.dni", ALONE),
        (r"[XYZ]-?\d{7}-?[A-HJ-NP-TV-Z]", "es.nie", ALONE),
    ]),
    ("IT", "codice fiscale|c.f|cf|cod. fisc|cod.fisc", [
        (r"(?i:[A-Z]{3} ?[A-Z]{3} ?\d\d[A-EHLMPRST]\d\d ?[A-Z]\d{3}[A-Z])",
         "it.codicefiscale", ALONE),
    ]),
    ("FR", "sécurité sociale|securite sociale|nir|numéro de sécu|insee|carte vitale", [
        (r"[12][ \u00a0.-]?\d\d[ \u00a0.-]?(?:0[1-9]|1[0-2]|[2-4]\d)[ \u00a0.-]?(?:\d\d|2[AB])"
         r"[ \u00a0.-]?\d{3}[ \u00a0.-]?\d{3}[ \u00a0.-]?\d\d", "fr.nir", ALONE),
    ]),
    ("DE", "steuer-id|steuer id|steuerident|idnr|id-nr|steuerliche ident|identifikations|tin", [
        (r"[1-9]\d ?\d{3} ?\d{3} ?\d{3}", "de.idnr", PERSON),
    ]),
    ("AT", "sozialversicherung|svnr|sv-nr|sv-nummer", [(r"\d{4}[ -]?\d{6}", "at.vnr", PERSON)]),
    ("CH", "ahv|avs|sozialversicherung", [
        (r"756\.\d{4}\.\d{4}\.\d\d", "ch.ssn", ALONE),
        (r"756[ .]?\d{4}[ .]?\d{4}[ .]?\d\d", "ch.ssn", NAMED),
    ]),
    ("NL", "bsn|burgerservice|sofinummer|sofi-nummer", [
        (r"\d{4}[. ]?\d\d[. ]?\d{3}|\d{3}[. ]\d{3}[. ]\d{3}", "nl.bsn", NAMED),
    ]),
    ("BE", "rijksregister|rrn|registre national|niss|insz|nationaal nummer|numéro national", [
        (r"\d\d\.\d\d\.\d\d-\d{3}\.\d\d", "be.nn", ALONE),
        (r"\d\d[ .]?\d\d[ .]?\d\d[ .-]?\d{3}[ .-]?\d\d", "be.nn", PERSON),
    ]),
    ("SE", "personnummer|personnr|pers.nr|persnr|pnr|personal number|personal identity number"
           "|samordningsnummer", [
        (r"(?:19|20)?\d{6}[-+]\d{4}", "se.personnummer", ALONE),
        (r"(?:19|20)?\d{10}", "se.personnummer", PERSON),
    ]),
    ("FI", "henkilötunnu|hetu|personbeteckning|personal identity code", [
        (r"\d{6}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]", "fi.hetu", ALONE),
    ]),
    ("DK", "cpr|personnummer", [(r"\d{6}-\d{4}", "dk.cpr", PERSON),
        (r"\d{6} ?\d{4}", "dk.cpr", NAMED),
    ]),
    ("NO", "fødselsnummer|fodselsnummer|personnummer|d-nummer|fnr", [
        (r"\d{6} ?\d{5}", "no.fodselsnummer", PERSON),
    ]),
    ("IS", "kennital", [(r"\d{6}-?\d{4}", "is_.kennitala", PERSON)]),
    ("PL", "pesel", [(r"\d{11}", "pl.pesel", PERSON)]),
    ("CZ", "rodné č|rodne c|rodného č|rč|r.č|r. č|birth number", [
        (r"\d{6}/\d{3,4}", "cz.rc", ALONE),
        (r"\d{9,10}", "cz.rc", PERSON),
    ]),
    ("PT", "nif|contribuinte|cartão de cidadão|cartao de cidadao|cidadão", [
        (r"[1235689]\d\d ?\d{3} ?\d{3}", "pt.nif", NAMED),
        (r"\d{8} ?\d ?[A-Z\d]{2}\d", "pt.cc", NAMED),
    ]),
    ("IE", "pps|ppsn", [(r"\d{7}[A-W][A-IW]?", "ie.pps", PERSON)]),
    ("RO", "cnp|cod numeric", [(r"[1-9]\d{12}", "ro.cnp", PERSON)]),
    ("BG", "egn|егн", [(r"\d{10}", "bg.egn", PERSON)]),
    ("GR", "amka|αμκα|α.μ.κ.α", [(r"\d{11}", "gr.amka", PERSON)]),
    ("HR", "oib", [(r"\d{11}", "hr.oib", NAMED)]),
    ("SI", "emšo|emso", [(r"\d{13}", "si.emso", PERSON)]),
    ("EE", "isikukood|asmens kodas|personal code", [
        (r"[1-8]\d{10}", "ee.ik", PERSON),
        (r"[1-8]\d{10}", "lt.asmens", PERSON),
    ]),
    ("TR", "kimlik|tckn", [(r"[1-9]\d{10}", "tr.tckimlik", PERSON)]),
    ("RU", "снилс|snils", [
        (r"\d{3}-\d{3}-\d{3}[ -]\d\d", "snils", ALONE),
        (r"\d{11}", "snils", NAMED),
    ]),
    ("RU-INN", "инн|inn", [(r"\d{12}", "ru.inn", PERSON)]),
    ("UA", "рнокпп|rnokpp|ідентифікаційн|іпн", [(r"\d{10}", "ua.rntrc", NAMED)]),
    ("CN", "身份证|身分證|居民身份|公民身份|resident id|citizen id", [
        (r"[1-8]\d{5}(?:19|20)\d{6}\d{3}[\dXx]", "cn", ALONE),
    ]),
    ("JP", "my number|個人番号|マイナンバー", [(r"\d{4}[ -]?\d{4}[ -]?\d{4}", "jp.in_", PERSON)]),
    ("KR", "주민등록|주민번호|rrn|resident registration", [
        (r"\d{6}-[1-8]\d{6}", "kr.rrn", ALONE),
        (r"\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])-?[1-8]\d{6}", "", PERSON),  # since 2020
    ]),
    ("TH", "บัตรประชาชน|เลขประจำตัวประชาชน|thai id|citizen id", [
        (r"[1-8]-\d{4}-\d{5}-\d\d-\d", "th.pin", ALONE),
        (r"[1-8]\d{12}", "th.pin", NAMED),
    ]),
    ("TW", "身分證|身份證|國民身分|national id|統一編號", [(r"[A-Z][1289]\d{8}", "tw", PERSON)]),
    ("HK", "hkid|香港身份證|身份證", [(r"[A-Z]{1,2}\d{6}\([\dA]\)", "hk", ALONE)]),
    ("ID", "nik|ktp|nomor induk", [(r"\d{16}", "id.nik", NAMED)]),
    ("MY", "mykad|nric|kad pengenalan|ic no|ic number", [
        (r"\d{6}-?\d\d-?\d{4}", "my.nric", PERSON),
    ]),
    ("SG", "nric|fin", [(r"[STFGM]\d{7}[A-Z]", "sg", PERSON)]),
    ("PK", "cnic|nic", [(r"\d{5}-?\d{7}-?\d", "pk.cnic", NAMED)]),
    ("IL", 'teudat|תעודת זהות|ת.ז|ת"ז|israeli id', [(r"\d{9}", "il.idnr", NAMED)]),
    ("ZA", "id number|id no|identity number|identity document|id|sa id|south african id", [
        (r"\d{6} ?\d{4} ?\d\d ?\d", "za.idnr", PERSON),
    ]),
    ("MX", "curp", [
        (r"[A-Z][AEIOUX][A-Z]{2}\d{6}[HMX][A-Z]{5}[A-Z\d]\d", "mx.curp", ALONE),
    ]),
    ("AR", "dni|cuil|cuit|c.u.i.l|c.u.i.t", [
        (r"\d\d\.?\d{3}\.?\d{3}", "ar.dni", NAMED),
        (r"2[03457]-\d{8}-\d", "ar.cuit", ALONE),
        (r"2[03457]\d{9}", "ar.cuit", NAMED),
    ]),
    ("CL", "rut|r.u.t|run", [
        (r"\d{1,2}\.\d{3}\.\d{3}-[\dKk]", "cl.rut", ALONE),
        (r"\d{7,8}-[\dKk]", "cl.rut", PERSON),
        (r"\d{7,8}[\dKk]", "cl.rut", NAMED),
    ]),
    ("EC", "cédula|cedula", [(r"\d{10}|\d{9}-\d", "ec.ci", NAMED)]),
    ("CA", "sin|s.i.n|social insurance|nas|assurance sociale", [
        (r"\d{3}([ -]?)\d{3}\1\d{3}", "ca.sin", NAMED),
    ]),
    ("AU", "tfn|tax file", [(r"\d{3} ?\d{3} ?\d{2,3}", "au.tfn", NAMED)]),
    ("NZ", "ird", [(r"\d{2,3}-?\d{3}-?\d{3}", "nz.ird", NAMED)]),
)  # fmt: skip
