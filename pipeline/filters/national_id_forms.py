"""Countries' identity numbers: what they are called, how they are written, and who checks them.

Sources: the issuing offices' descriptions as python-stdnum documents them (a module of it stands
beside each form; "" where a number has no check digit).
"""

# country, its numbers' names (regular expression, case ignored),
# [(how it is written, module of python-stdnum, whether that form is telling without a name)]
TABLE: tuple[tuple[str, str, list[tuple[str, str, bool]]], ...] = (
    ("US", r"\bssns?\b|social security|\bitins?\b|tax ?payer id", [
        (r"(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}", "", True),
        (r"(?!000|666)\d{3}[ .-]?(?!00)\d\d[ .-]?(?!0000)\d{4}", "", False),
    ]),
    ("GB", r"national insurance|\bnino\b|\bni (?:number|no)|\bnhs\b", [
        (r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?: \d\d){3} [A-D]", "", True),
        (r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]", "", False),
        (r"\d{3}[ -]?\d{3}[ -]?\d{4}", "gb.nhs", False),
    ]),
    ("IN", r"aadh?aar|\buid(?:ai)?\b|आधार|\bpan\b|permanent account", [
        (r"[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}", "in_.aadhaar", False),
        (r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]", "", False),
    ]),
    ("BR", r"\bcpf\b|cadastro de pessoas?", [
        (r"\d{3}\.\d{3}\.\d{3}-\d\d", "br.cpf", True),
        (r"\d{9}-?\d\d", "br.cpf", False),
    ]),
    ("ES", r"\bd\.?n\.?i\b|\bn\.?i\.?[ef]\b|documento nacional", [
        (r"\d{8}[ -]?[A-HJ-NP-TV-Z]", "es.dni", True),
        (r"\d{2}\.\d{3}\.\d{3}[ -]?[A-HJ-NP-TV-Z]", "es.dni", True),
        (r"[XYZ]-?\d{7}-?[A-HJ-NP-TV-Z]", "es.nie", True),
    ]),
    ("IT", r"codice fiscale|\bc\.?f\b|cod\. ?fisc", [
        (r"[A-Z]{3} ?[A-Z]{3} ?\d\d[A-EHLMPRST]\d\d ?[A-Z]\d{3}[A-Z]", "it.codicefiscale", True),
    ]),
    ("FR", r"s[ée]curit[ée] sociale|\bnir\b|num[ée]ro de s[ée]cu|insee|carte vitale", [
        (r"[12]([ \u00a0.-]?)\d\d\1(?:0[1-9]|1[0-2]|[2-4]\d)\1(?:\d\d"
        r"|2[AB])\1\d{3}\1\d{3}[ \u00a0.-]?\d\d",
         "fr.nir", True),
    ]),
    ("DE", r"steuer-? ?id|\bidnr\b|steuerliche identifikations|identifikationsnummer|\btin\b", [
        (r"[1-9]\d ?\d{3} ?\d{3} ?\d{3}", "de.idnr", False),
    ]),
    ("AT", r"sozialversicherung|\bsvnr\b|\bsv-? ?n", [(r"\d{4}[ -]?\d{6}", "at.vnr", False)]),
    ("CH", r"\bahv|\bavs\b|sozialversicherung", [
        (r"756\.\d{4}\.\d{4}\.\d\d", "ch.ssn", True),
        (r"756[ .]?\d{4}[ .]?\d{4}[ .]?\d\d", "ch.ssn", False),
    ]),
    ("NL", r"\bbsn\b|burgerservice|sofi-?nummer", [
        (r"\d{4}[. ]?\d\d[. ]?\d{3}|\d{3}[. ]\d{3}[. ]\d{3}", "nl.bsn", False),
    ]),
    ("BE", r"rijksregister|registre national|\bniss\b|\binsz\b|nationaal n|num[ée]ro national", [
        (r"\d\d\.\d\d\.\d\d-\d{3}\.\d\d", "be.nn", True),
        (r"\d\d[ .]?\d\d[ .]?\d\d[ .-]?\d{3}[ .-]?\d\d", "be.nn", False),
    ]),
    ("SE", r"person(?:al)? ?(?:identity )?n(?:ummer|umber|r|o)|\bpnr\b|samordningsnummer", [
        (r"(?:19|20)?\d{6}[-+]\d{4}", "se.personnummer", True),
        (r"(?:19|20)?\d{10}", "se.personnummer", False),
    ]),
    ("FI", r"henkilötunnu|\bhetu\b|personbeteckning|henkilötunnus", [
        (r"\d{6}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]", "fi.hetu", True),
    ]),
    ("DK", r"\bcpr\b|personnummer|cpr-? ?n", [(r"\d{6}[ -]?\d{4}", "dk.cpr", False)]),
    ("NO", r"fødselsnummer|personnummer|fodselsnummer|\bd-?nummer|\bfnr\b", [
        (r"\d{6} ?\d{5}", "no.fodselsnummer", False),
    ]),
    ("IS", r"kennital", [(r"\d{6}-?\d{4}", "is_.kennitala", False)]),
    ("PL", r"pesel", [(r"\d{11}", "pl.pesel", False)]),
    ("CZ", r"rodn[ée] č|\brč\b|r\.č\.|rodn[ée] c|birth number", [
        (r"\d{6}/\d{3,4}", "cz.rc", True),
        (r"\d{9,10}", "cz.rc", False),
    ]),
    ("PT", r"\bnif\b|contribuinte|cart[ãa]o de cidad[ãa]o|\bcc\b", [
        (r"[1235689]\d\d ?\d{3} ?\d{3}", "pt.nif", False),
        (r"\d{8} ?\d ?[A-Z\d]{2}\d", "pt.cc", False),
    ]),
    ("IE", r"\bpps", [(r"\d{7}[A-W][A-IW]?", "ie.pps", False)]),
    ("RO", r"\bcnp\b|cod numeric", [(r"[1-9]\d{12}", "ro.cnp", False)]),
    ("BG", r"\begn\b|\bегн\b", [(r"\d{10}", "bg.egn", False)]),
    ("GR", r"amka|αμκα|α\.μ\.κ\.α", [(r"\d{11}", "gr.amka", False)]),
    ("HR", r"\boib\b", [(r"\d{11}", "hr.oib", False)]),
    ("SI", r"\bemšo\b|\bemso\b", [(r"\d{13}", "si.emso", False)]),
    ("EE", r"isikukood|asmens kodas|personal code", [
        (r"[1-8]\d{10}", "ee.ik", False),
        (r"[1-8]\d{10}", "lt.asmens", False),
    ]),
    ("TR", r"t\.?c\.? ?kimlik|kimlik n|\btckn\b", [(r"[1-9]\d{10}", "tr.tckimlik", False)]),
    ("RU", r"снилс|snils", [
        (r"\d{3}-\d{3}-\d{3}[ -]\d\d", "snils", True),
        (r"\d{11}", "snils", False),
    ]),
    ("RU-INN", r"\bинн\b|\binn\b", [(r"\d{12}", "ru.inn", False)]),
    ("UA", r"рнокпп|ідентифікаційн|\bіпн\b", [(r"\d{10}", "ua.rntrc", False)]),
    ("CN", r"身份证|身分證|居民身份|resident id|citizen id", [
        (r"[1-8]\d{5}(?:19|20)\d{6}\d{3}[\dXx]", "cn.ric", True),
    ]),
    ("JP", r"my number|個人番号|マイナンバー", [(r"\d{4}[ -]?\d{4}[ -]?\d{4}", "jp.in_", False)]),
    ("KR", r"주민등록|\brrn\b|resident registration", [
        (r"\d{6}-[1-8]\d{6}", "kr.rrn", True),
        (r"\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])-?[1-8]\d{6}", "", False),  # since 2020
    ]),
    ("TH", r"บัตรประชาชน|เลขประจำตัวประชาชน|thai id|citizen id", [
        (r"[1-8]-\d{4}-\d{5}-\d\d-\d", "th.pin", True),
        (r"[1-8]\d{12}", "th.pin", False),
    ]),
    ("ID", r"\bnik\b|\bktp\b|nomor induk", [(r"\d{16}", "id.nik", False)]),
    ("MY", r"\bmykad\b|\bnric\b|kad pengenalan|\bic (?:no|number)", [
        (r"\d{6}-?\d\d-?\d{4}", "my.nric", False),
    ]),
    ("SG", r"\bnric\b|\bfin\b", [(r"[STFGM]\d{7}[A-Z]", "", False)]),
    ("PK", r"\bcnic\b|\bnic\b", [(r"\d{5}-?\d{7}-?\d", "pk.cnic", False)]),
    ("IL", r"teudat|תעודת זהות|\bת\.?ז|israeli id", [(r"\d{9}", "il.idnr", False)]),
    ("ZA", r"\bid(?:entity)?(?: document)? (?:number|no)|\bid\b|\bsa id|south african id", [
        (r"\d{6} ?\d{4} ?\d\d ?\d", "za.idnr", False),
    ]),
    ("MX", r"\bcurp\b", [
        (r"[A-Z][AEIOUX][A-Z]{2}\d{6}[HMX][A-Z]{5}[A-Z\d]\d", "mx.curp", True),
    ]),
    ("AR", r"\bdni\b|\bcui[lt]\b", [
        (r"\d\d\.?\d{3}\.?\d{3}", "ar.dni", False),
        (r"\d\d-?\d{8}-?\d", "ar.cuit", False),
    ]),
    ("CL", r"\brut\b|\brun\b", [
        (r"\d{1,2}\.\d{3}\.\d{3}-[\dKk]", "cl.rut", True),
        (r"\d{7,8}-?[\dKk]", "cl.rut", False),
    ]),
    ("EC", r"c[ée]dula", [(r"\d{10}|\d{9}-\d", "ec.ci", False)]),
    ("CA", r"\bsin\b|social insurance|\bnas\b|assurance sociale", [
        (r"\d{3}([ -]?)\d{3}\1\d{3}", "ca.sin", False),
    ]),
    ("AU", r"\btfn\b|tax file", [(r"\d{3} ?\d{3} ?\d{2,3}", "au.tfn", False)]),
    ("NZ", r"\bird\b", [(r"\d{2,3}-?\d{3}-?\d{3}", "nz.ird", False)]),
)  # fmt: skip
