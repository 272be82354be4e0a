"""Countries' identity numbers: what they are called, how they are written, and who checks them.

Sources: the issuing offices' descriptions as python-stdnum documents them (a module of it stands
beside each form; "" where a number has no check digit).
"""

# country, its numbers' names (parted by "|"; case ignored; the ends of long ones may be missing),
# [(how it is written, module of python-stdnum, whether that form is telling without a name)]
TABLE: tuple[tuple[str, str, list[tuple[str, str, bool]]], ...] = (
    ("US", "ssn|ssns|social security|itin|itins|taxpayer id|tax payer id", [
        (r"(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}", "", True),
        (r"(?!000|666)\d{3}[ .-]?(?!00)\d\d[ .-]?(?!0000)\d{4}", "", False),
    ]),
    ("GB", "national insurance|nino|ni number|ni no|nhs", [
        (r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?: \d\d){3} [A-D]", "", True),
        (r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]", "", False),
        (r"\d{3}[ -]?\d{3}[ -]?\d{4}", "gb.nhs", False),
    ]),
    ("IN", "aadhaar|aadhar|uid|uidai|आधार|pan|permanent account", [
        (r"[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}", "in_.aadhaar", False),
        (r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]", "", False),
    ]),
    ("BR", "cpf|cadastro de pessoa", [
        (r"\d{3}\.\d{3}\.\d{3}-\d\d", "br.cpf", True),
        (r"\d{9}-?\d\d", "br.cpf", False),
    ]),
    ("ES", "dni|d.n.i|nie|n.i.e|nif|n.i.f|documento nacional", [
        (r"\d{8}[ -]?[A-HJ-NP-TV-Z]", "es.dni", True),
        (r"\d{2}\.\d{3}\.\d{3}[ -]?[A-HJ-NP-TV-Z]", "es.dni", True),
        (r"[XYZ]-?\d{7}-?[A-HJ-NP-TV-Z]", "es.nie", True),
    ]),
    ("IT", "codice fiscale|c.f|cf|cod. fisc|cod.fisc", [
        (r"[A-Z]{3} ?[A-Z]{3} ?\d\d[A-EHLMPRST]\d\d ?[A-Z]\d{3}[A-Z]", "it.codicefiscale", True),
    ]),
    ("FR", "sécurité sociale|securite sociale|nir|numéro de sécu|insee|carte vitale", [
        (r"[12]([ \u00a0.-]?)\d\d\1(?:0[1-9]|1[0-2]|[2-4]\d)\1(?:\d\d"
        r"|2[AB])\1\d{3}\1\d{3}[ \u00a0.-]?\d\d",
         "fr.nir", True),
    ]),
    ("DE", "steuer-id|steuer id|steuerident|idnr|id-nr|steuerliche ident|identifikations|tin", [
        (r"[1-9]\d ?\d{3} ?\d{3} ?\d{3}", "de.idnr", False),
    ]),
    ("AT", "sozialversicherung|svnr|sv-n|sv-n", [(r"\d{4}[ -]?\d{6}", "at.vnr", False)]),
    ("CH", "ahv|avs|sozialversicherung", [
        (r"756\.\d{4}\.\d{4}\.\d\d", "ch.ssn", True),
        (r"756[ .]?\d{4}[ .]?\d{4}[ .]?\d\d", "ch.ssn", False),
    ]),
    ("NL", "bsn|burgerservice|sofinummer|sofi-nummer", [
        (r"\d{4}[. ]?\d\d[. ]?\d{3}|\d{3}[. ]\d{3}[. ]\d{3}", "nl.bsn", False),
    ]),
    ("BE", "rijksregister|registre national|niss|insz|nationaal nummer|numéro national", [
        (r"\d\d\.\d\d\.\d\d-\d{3}\.\d\d", "be.nn", True),
        (r"\d\d[ .]?\d\d[ .]?\d\d[ .-]?\d{3}[ .-]?\d\d", "be.nn", False),
    ]),
    ("SE", "personnummer|personnr|personal number|personal identity number|pnr|samordningsnummer", [
        (r"(?:19|20)?\d{6}[-+]\d{4}", "se.personnummer", True),
        (r"(?:19|20)?\d{10}", "se.personnummer", False),
    ]),
    ("FI", "henkilötunnu|hetu|personbeteckning|personal identity code", [
        (r"\d{6}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]", "fi.hetu", True),
    ]),
    ("DK", "cpr|personnummer", [(r"\d{6}[ -]?\d{4}", "dk.cpr", False)]),
    ("NO", "fødselsnummer|fodselsnummer|personnummer|d-nummer|fnr", [
        (r"\d{6} ?\d{5}", "no.fodselsnummer", False),
    ]),
    ("IS", "kennital", [(r"\d{6}-?\d{4}", "is_.kennitala", False)]),
    ("PL", "pesel", [(r"\d{11}", "pl.pesel", False)]),
    ("CZ", "rodné č|rodne c|rodného č|rč|r.č|birth number", [
        (r"\d{6}/\d{3,4}", "cz.rc", True),
        (r"\d{9,10}", "cz.rc", False),
    ]),
    ("PT", "nif|contribuinte|cartão de cidadão|cartao de cidadao|cidadão", [
        (r"[1235689]\d\d ?\d{3} ?\d{3}", "pt.nif", False),
        (r"\d{8} ?\d ?[A-Z\d]{2}\d", "pt.cc", False),
    ]),
    ("IE", "pps|ppsn", [(r"\d{7}[A-W][A-IW]?", "ie.pps", False)]),
    ("RO", "cnp|cod numeric", [(r"[1-9]\d{12}", "ro.cnp", False)]),
    ("BG", "egn|егн", [(r"\d{10}", "bg.egn", False)]),
    ("GR", "amka|αμκα|α.μ.κ.α", [(r"\d{11}", "gr.amka", False)]),
    ("HR", "oib", [(r"\d{11}", "hr.oib", False)]),
    ("SI", "emšo|emso", [(r"\d{13}", "si.emso", False)]),
    ("EE", "isikukood|asmens kodas|personal code", [
        (r"[1-8]\d{10}", "ee.ik", False),
        (r"[1-8]\d{10}", "lt.asmens", False),
    ]),
    ("TR", "kimlik|tckn", [(r"[1-9]\d{10}", "tr.tckimlik", False)]),
    ("RU", "снилс|snils", [
        (r"\d{3}-\d{3}-\d{3}[ -]\d\d", "snils", True),
        (r"\d{11}", "snils", False),
    ]),
    ("RU-INN", "инн|inn", [(r"\d{12}", "ru.inn", False)]),
    ("UA", "рнокпп|ідентифікаційн|іпн", [(r"\d{10}", "ua.rntrc", False)]),
    ("CN", "身份证|身分證|居民身份|公民身份|resident id|citizen id", [
        (r"[1-8]\d{5}(?:19|20)\d{6}\d{3}[\dXx]", "cn.ric", True),
    ]),
    ("JP", "my number|個人番号|マイナンバー", [(r"\d{4}[ -]?\d{4}[ -]?\d{4}", "jp.in_", False)]),
    ("KR", "주민등록|rrn|resident registration", [
        (r"\d{6}-[1-8]\d{6}", "kr.rrn", True),
        (r"\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])-?[1-8]\d{6}", "", False),  # since 2020
    ]),
    ("TH", "บัตรประชาชน|เลขประจำตัวประชาชน|thai id|citizen id", [
        (r"[1-8]-\d{4}-\d{5}-\d\d-\d", "th.pin", True),
        (r"[1-8]\d{12}", "th.pin", False),
    ]),
    ("ID", "nik|ktp|nomor induk", [(r"\d{16}", "id.nik", False)]),
    ("MY", "mykad|nric|kad pengenalan|ic no|ic number", [
        (r"\d{6}-?\d\d-?\d{4}", "my.nric", False),
    ]),
    ("SG", "nric|fin", [(r"[STFGM]\d{7}[A-Z]", "", False)]),
    ("PK", "cnic|nic", [(r"\d{5}-?\d{7}-?\d", "pk.cnic", False)]),
    ("IL", 'teudat|תעודת זהות|ת.ז|ת"ז|israeli id', [(r"\d{9}", "il.idnr", False)]),
    ("ZA", "id number|id no|identity number|identity document|id|sa id|south african id", [
        (r"\d{6} ?\d{4} ?\d\d ?\d", "za.idnr", False),
    ]),
    ("MX", "curp", [
        (r"[A-Z][AEIOUX][A-Z]{2}\d{6}[HMX][A-Z]{5}[A-Z\d]\d", "mx.curp", True),
    ]),
    ("AR", "dni|cuil|cuit", [
        (r"\d\d\.?\d{3}\.?\d{3}", "ar.dni", False),
        (r"\d\d-?\d{8}-?\d", "ar.cuit", False),
    ]),
    ("CL", "rut|r.u.t|run", [
        (r"\d{1,2}\.\d{3}\.\d{3}-[\dKk]", "cl.rut", True),
        (r"\d{7,8}-?[\dKk]", "cl.rut", False),
    ]),
    ("EC", "cédula|cedula", [(r"\d{10}|\d{9}-\d", "ec.ci", False)]),
    ("CA", "sin|social insurance|nas|assurance sociale", [
        (r"\d{3}([ -]?)\d{3}\1\d{3}", "ca.sin", False),
    ]),
    ("AU", "tfn|tax file", [(r"\d{3} ?\d{3} ?\d{2,3}", "au.tfn", False)]),
    ("NZ", "ird", [(r"\d{2,3}-?\d{3}-?\d{3}", "nz.ird", False)]),
)  # fmt: skip
