# ruff: noqa: E501 (a table of strings)
"""Sentences and records around a planted value, written by hand.

`{v}` is the value, `{n}` a person's name, `{w}` a number that is nobody's. Named carriers say what
the value is; open ones leave it to the value's form. Languages: ISO 639-1.
"""

Carriers = dict[str, list[str]]  # language: sentences

NAMED: dict[str, Carriers] = {
    "email": {
        "en": ["You can e-mail {n} at {v}.", "My email address is {v}, write any time!",
               "Contact: {n}\nEmail: {v}\nOffice hours on Mondays"],
        "de": ["Schreiben Sie eine E-Mail an {v}, wir antworten am selben Tag.",
               "Ansprechpartnerin: {n}\nE-Mail: {v}"],
        "fr": ["Pour tout renseignement, envoyez un courriel à {v}.", "Adresse e-mail : {v}"],
        "es": ["Mi correo electrónico es {v}; escríbeme cuando quieras.", "Correo: {v}"],
        "it": ["Per informazioni scrivere una mail a {v}.", "Indirizzo e-mail: {v}"],
        "pt": ["Envie um e-mail para {v} até sexta-feira.", "E-mail: {v}"],
        "nl": ["Stuur een mailtje naar {v} en je krijgt het rooster.", "E-mailadres: {v}"],
        "pl": ["Napisz e-mail na adres {v}, odpowiem jutro.", "Adres e-mail: {v}"],
        "ru": ["Пишите мне на электронную почту {v}.", "Эл. почта: {v}"],
        "tr": ["Bana {v} adresinden e-posta gönderebilirsiniz.", "E-posta: {v}"],
        "ja": ["お問い合わせはメール{v}までお願いします。", "メールアドレス:{v}"],
        "zh": ["请发邮件到{v}与我们联系。", "电子邮箱:{v}"],
    },
    "phone": {
        "en": ["Tel. {v}", "Call {n} on {v} after six.", "Phone: {v} (weekdays only)",
               "WhatsApp {v} for a quote.", "My cell is {v}, text me."],
        "de": ["Tel.: {v}", "Rufen Sie uns unter {v} an, wir helfen gern.", "Telefon {v} oder Fax",
               "Handy: {v}"],
        "fr": ["Tél. : {v}", "Appelez le {v} pour réserver une table.", "Téléphone : {v}",
               "Mon portable, c'est le {v}."],
        "es": ["Teléfono: {v}", "Llámame al {v} esta tarde.", "Móvil {v}"],
        "it": ["Tel. {v}", "Chiamate il numero {v} per prenotare.", "Cellulare: {v}"],
        "pt": ["Telefone: {v}", "Ligue para {v} e marque a visita.", "WhatsApp: {v}"],
        "nl": ["Telefoon: {v}", "Bel {v} voor een afspraak.", "Mobiel {v}"],
        "pl": ["tel. {v}", "Proszę dzwonić pod numer {v} po godzinie 16.", "Komórka: {v}"],
        "ru": ["Тел.: {v}", "Звоните по телефону {v} с девяти до шести."],
        "tr": ["Telefon: {v}", "Bizi {v} numarasından arayın.", "Cep: {v}"],
        "ja": ["電話:{v}", "ご予約は電話{v}へどうぞ。", "TEL {v}"],
        "zh": ["电话:{v}", "请拨打{v}预约。", "手机 {v}"],
        "cs": ["Telefon: {v}", "Volejte {v} kdykoli."],
        "sv": ["Telefon: {v}", "Ring {v} så hjälper vi dig."],
        "ko": ["전화: {v}", "문의는 {v}로 전화 주세요."],
    },
    "ipv4": {
        "en": ["The attack came from the IP address {v} at night.", "Client IP: {v}"],
        "de": ["Ihre IP-Adresse lautet {v}.", "IP-Adresse: {v}"],
        "fr": ["Votre adresse IP est {v}.", "Adresse IP : {v}"],
        "es": ["La dirección IP {v} quedó bloqueada.", "IP: {v}"],
        "pt": ["O endereço IP {v} foi bloqueado."], "it": ["Indirizzo IP: {v}"],
        "ru": ["IP-адрес пользователя: {v}"], "ja": ["IPアドレス:{v}"], "zh": ["用户的IP地址是{v}。"],
        "pl": ["Adres IP: {v}"], "tr": ["IP adresi {v} engellendi."], "nl": ["Het IP-adres is {v}."],
    },
    "card": {
        "en": ["My card number is {v}, expires 09/27.", "Credit card: {v}", "He paid with Visa {v}."],
        "de": ["Kreditkartennummer: {v}", "Bitte die Karte {v} sperren lassen."],
        "fr": ["Numéro de carte bancaire : {v}", "Ma carte {v} a été refusée."],
        "es": ["Tarjeta de crédito: {v}", "El número de mi tarjeta es {v}."],
        "it": ["Numero della carta di credito: {v}"], "pt": ["Cartão de crédito: {v}"],
        "nl": ["Creditcardnummer: {v}"], "pl": ["Numer karty: {v}"], "ru": ["Номер карты: {v}"],
        "tr": ["Kart numarası: {v}"], "ja": ["カード番号:{v}"], "zh": ["信用卡号:{v}"],
    },
    "iban": {
        "en": ["Please transfer the rent to IBAN {v} by Friday.", "IBAN: {v}"],
        "de": ["Bitte überweisen Sie den Betrag auf das Konto {v}.", "IBAN: {v}, BIC folgt"],
        "fr": ["Virement sur le compte IBAN {v}.", "IBAN : {v}"],
        "es": ["Haga la transferencia a la cuenta IBAN {v}."], "it": ["Codice IBAN: {v}"],
        "pt": ["IBAN: {v}"], "nl": ["Rekeningnummer {v} ten name van de vereniging."],
        "pl": ["Numer konta: {v}"], "ru": ["Счёт IBAN {v}"], "tr": ["IBAN numarası: {v}"],
        "ja": ["IBAN番号は{v}です。"], "zh": ["IBAN账号:{v}"],
    },
    "key": {
        "en": ["The API key is {v}, do not share it.", "api_key = \"{v}\"", "export API_TOKEN={v}",
               "secret: {v}", "curl -H 'Authorization: Bearer {v}' https://api.lumetra.io/v1/me"],
        "de": ["Der API-Schlüssel lautet {v}."], "fr": ["Votre clé API : {v}"],
        "es": ["La clave de API es {v}."], "it": ["Chiave API: {v}"], "pt": ["Chave da API: {v}"],
        "ru": ["Ключ API: {v}"], "ja": ["APIキー:{v}"], "zh": ["API密钥:{v}"],
    },
}  # fmt: skip
NAMED["ipv6"] = {
    language: [sentence.replace("IP:", "IPv6:") for sentence in sentences]
    for language, sentences in NAMED["ipv4"].items()
}

OPEN: dict[str, Carriers] = {
    "email": {
        "en": ["{n} <{v}> wrote:", "See <mailto:{v}> or ask at the desk.", "Is it {v}?",
               "Ask {n} ({v}), she knows.", "- {n}, {v}", "Signed-off-by: {n} <{v}>",
               "[{n}](mailto:{v})", "We moved to {v}; the old one is gone."],
        "de": ["{n} ({v}) leitet die Gruppe.", "Fragen? Gern an {v}!"],
        "fr": ["{n}, {v}, répondra vite.", "Inscriptions : {v}."],
        "es": ["Preguntad a {n} ({v})."], "it": ["Iscrizioni presso {v}."],
        "ru": ["Вопросы — {n}, {v}."], "ja": ["担当は{n}({v})です。"], "zh": ["联系人{n}({v})。"],
        "pl": ["Zgłoszenia: {v}."], "tr": ["Sorular için {v}."],
    },
    "phone": {
        "en": ["{n}\nRivermill Ltd.\n12 Mill Lane\n{v}\nwww.rivermill.com", "| {n} | {v} | sales |",
               "{n}, {v}", "Reception ({v}) is open till ten.", "Ask for {n}: {v}."],
        "de": ["{n}\nLindenhof GmbH\nAm Markt 4\n{v}", "Pforte ({v}), Zimmer 12"],
        "fr": ["{n}\n8 rue des Lilas\n{v}", "Accueil : {v}"],
        "es": ["{n}\nCalle Mayor 7\n{v}"], "it": ["Segreteria: {v}"], "pt": ["{n} – {v}"],
        "nl": ["{n}\nKerkstraat 9\n{v}"], "pl": ["Sekretariat: {v}"], "ru": ["{n}, {v}"],
        "tr": ["{n}\nÇiçek Sokak 5\n{v}"], "ja": ["{n}\n東京都港区\n{v}"], "zh": ["{n},{v}"],
        "cs": ["Recepce: {v}"], "sv": ["Växel {v}"], "ko": ["{n}\n서울시 종로구\n{v}"],
    },
    "ipv4": {
        "en": ["{v} - - [18/May/2024:03:10:07 +0000] \"GET /index.html HTTP/1.1\" 200 5124",
               "May 18 03:10:07 gate sshd[812]: Failed password for root from {v} port 52144 ssh2",
               "ping {v}", "http://{v}/admin", "The server at {v}:8080 is down.", "route add {v}/32",
               "Banned {v} for an hour.", "{{\"remote\": \"{v}\", \"status\": 403}}",
               "Last login: Sat May 18 from {v}", "allow {v};", "Edited by {v} (talk) 12:04"],
        "de": ["Beitrag von {v} um 12:04 Uhr"], "fr": ["Modifié par {v} le 3 mai"],
        "ja": ["投稿者 {v}"], "ru": ["Правка от {v}"], "zh": ["来自{v}的编辑"],
    },
    "ipv6": {
        "en": ["http://[{v}]:8080/status", "May 18 03:10:07 gate sshd[812]: Accepted key from {v} port 22",
               "ping6 {v}", "inet6 {v}/64 scope global", "{{\"remote\": \"{v}\", \"status\": 403}}",
               "Edited by {v} (talk)", "{v} - - [18/May/2024:03:10:07 +0000] \"GET / HTTP/2\" 200 71",
               "host: {v}."],
        "de": ["Beitrag von {v} um 12:04 Uhr"], "fr": ["Modifié par {v} le 3 mai"],
        "ru": ["Правка от {v}"], "zh": ["来自{v}的编辑"],
    },
    "card": {
        "en": ["{n},{v},09/27,Berlin", "{n}\n{v}\n09/27", "{{\"holder\": \"{n}\", \"pan\": \"{v}\"}}"],
        "de": ["{n};{v};09/27"], "fr": ["{n}, {v}, exp. 09/27"], "es": ["{n} | {v} | 09/27"],
    },
    "iban": {
        "en": ["{n},{v},120.00,rent", "| {n} | {v} |", "Pay {n} at {v}."],
        "de": ["Empfänger {n}, {v}, Verwendungszweck Miete"], "fr": ["Payer {n} ({v})."],
        "it": ["Bonifico a {n}, {v}"], "nl": ["Graag overmaken naar {v}."], "es": ["{n}\n{v}"],
    },
    "key": {
        "en": ["client = Client(\"{v}\")", "- run: deploy {v}", "DEBUG sent {v} upstream",
               "{{\"auth\": \"{v}\"}}", "I pasted {v} in the wrong window."],
        "de": ["Im Commit stand {v}."], "fr": ["On trouve {v} dans le journal."],
        "es": ["El registro contiene {v}."], "zh": ["日志里有 {v}"],
    },
}  # fmt: skip

# The number's name where it is given, a sentence in that language, and an English one.
NATIONAL: dict[str, tuple[str, list[str]]] = {
    "us_ssn": ("en", ["SSN: {v}", "My social security number is {v}.", "Social Security No. {v}"]),
    "gb_nino": ("en", ["National Insurance number: {v}", "NI No. {v}", "My NINO is {v}."]),
    "gb_nhs": ("en", ["NHS number: {v}", "Her NHS No. is {v}."]),
    "fr_nir": ("fr", ["Numéro de sécurité sociale : {v}", "N° INSEE {v}", "NIR : {v}"]),
    "de_steuer_id": ("de", ["Steuer-ID: {v}", "Meine Steueridentifikationsnummer lautet {v}.",
                            "IdNr. {v}"]),
    "it_codice_fiscale": ("it", ["Codice fiscale: {v}", "C.F. {v}", "Il mio codice fiscale è {v}."]),
    "es_dni": ("es", ["DNI: {v}", "Con DNI {v} y domicilio en Sevilla", "D.N.I. nº {v}"]),
    "es_nie": ("es", ["NIE: {v}", "con N.I.E. {v}, vecina de Madrid"]),
    "pt_nif": ("pt", ["NIF: {v}", "Contribuinte n.º {v}", "com o NIF {v}, residente em Braga"]),
    "nl_bsn": ("nl", ["BSN: {v}", "Mijn burgerservicenummer is {v}.", "Burgerservicenummer {v}"]),
    "be_nn": ("nl", ["Rijksregisternummer: {v}", "Numéro national : {v}", "RRN {v}"]),
    "se_personnummer": ("sv", ["Personnummer: {v}", "Mitt personnummer är {v}.", "Pers.nr {v}"]),
    "fi_hetu": ("fi", ["Henkilötunnus: {v}", "Hetu {v}", "Henkilötunnukseni on {v}."]),
    "dk_cpr": ("da", ["CPR-nr.: {v}", "Mit CPR-nummer er {v}.", "CPR {v}"]),
    "no_fnr": ("no", ["Fødselsnummer: {v}", "Mitt fødselsnummer er {v}.", "Personnummer {v}"]),
    "pl_pesel": ("pl", ["PESEL: {v}", "Mój numer PESEL to {v}.", "nr PESEL {v}"]),
    "cz_rc": ("cs", ["Rodné číslo: {v}", "r. č. {v}", "Moje rodné číslo je {v}."]),
    "br_cpf": ("pt", ["CPF: {v}", "inscrito no CPF sob o nº {v}", "Meu CPF é {v}."]),
    "mx_curp": ("es", ["CURP: {v}", "Mi CURP es {v}.", "Clave CURP {v}"]),
    "in_aadhaar": ("en", ["Aadhaar: {v}", "My Aadhaar number is {v}.", "आधार संख्या: {v}"]),
    "in_pan": ("en", ["PAN: {v}", "PAN card number {v}", "Her PAN is {v}."]),
    "cn_ric": ("zh", ["身份证号:{v}", "我的身份证号码是{v}。", "公民身份号码 {v}"]),
    "jp_my_number": ("ja", ["マイナンバー:{v}", "個人番号 {v}", "マイナンバーは{v}です。"]),
    "kr_rrn": ("ko", ["주민등록번호: {v}", "제 주민등록번호는 {v}입니다.", "주민번호 {v}"]),
    "za_id": ("en", ["SA ID number: {v}", "Identity number {v}", "ID No: {v}"]),
    "tr_tckn": ("tr", ["T.C. Kimlik No: {v}", "TC kimlik numaram {v}.", "TCKN {v}"]),
    "ch_ahv": ("de", ["AHV-Nummer: {v}", "AHV-Nr. {v}", "Numéro AVS : {v}"]),
    "at_svnr": ("de", ["Sozialversicherungsnummer: {v}", "SVNR {v}", "Meine SV-Nummer ist {v}."]),
    "ie_ppsn": ("en", ["PPS number: {v}", "PPSN {v}", "My PPS No. is {v}."]),
    "ca_sin": ("en", ["SIN: {v}", "Social insurance number: {v}", "NAS : {v}"]),
    "au_tfn": ("en", ["TFN: {v}", "My tax file number is {v}.", "Tax File Number {v}"]),
    "ro_cnp": ("ro", ["CNP: {v}", "având CNP {v}", "Cod numeric personal {v}"]),
    "bg_egn": ("bg", ["ЕГН: {v}", "с ЕГН {v}"]),
    "hr_oib": ("hr", ["OIB: {v}", "Moj OIB je {v}."]),
    "gr_amka": ("el", ["ΑΜΚΑ: {v}", "Ο ΑΜΚΑ μου είναι {v}."]),
    "ee_isikukood": ("et", ["Isikukood: {v}", "Minu isikukood on {v}."]),
    "cl_rut": ("es", ["RUT: {v}", "cédula de identidad RUT {v}", "Mi RUN es {v}."]),
    "ar_cuil": ("es", ["CUIL: {v}", "C.U.I.L. Nº {v}", "CUIT {v}"]),
    "sg_nric": ("en", ["NRIC: {v}", "NRIC No. {v}", "My NRIC is {v}."]),
    "tw_id": ("zh", ["身分證字號:{v}", "身分證號碼 {v}"]),
    "hk_id": ("en", ["HKID: {v}", "HKID No. {v}", "香港身份證號碼:{v}"]),
    "il_id": ("he", ["תעודת זהות: {v}", 'ת"ז {v}', "Teudat Zehut {v}"]),
    "th_id": ("th", ["เลขประจำตัวประชาชน: {v}", "เลขบัตรประชาชน {v}"]),
    "ru_snils": ("ru", ["СНИЛС: {v}", "Номер СНИЛС {v}", "Мой СНИЛС {v}."]),
    "ru_inn": ("ru", ["ИНН: {v}", "ИНН физического лица {v}"]),
    "ua_rnokpp": ("uk", ["РНОКПП: {v}", "ІПН {v}", "Ідентифікаційний код {v}"]),
}  # fmt: skip
NATIONAL_OPEN = ["{n},{v},1,active", "| {n} | {v} |", '{{"name": "{n}", "person": "{v}"}}',
                 "{n}\n{v}\n12 Mill Lane", "Applicant {n} ({v})"]  # fmt: skip

# Records that name the field, whatever the language.
FIELDS = {
    "email": ["email", "e-mail", "contact_email"], "phone": ["phone", "tel", "mobile"],
    "ipv4": ["ip", "ip_address", "client_ip"], "ipv6": ["ip", "ipv6", "remote_addr"],
    "card": ["card_number", "credit_card", "cc_number"], "iban": ["iban", "IBAN"],
    "key": ["api_key", "access_token", "secret"],
}  # fmt: skip
RECORDS = [
    '{{"id": {w}, "{f}": "{v}", "ok": true}}', "id,{f},city\n{w},{v},Leiden", "{f}={v}",
    "{f}: {v}", "<td>{f}</td><td>{v}</td>", "| {f} | {v} |", "INFO row={w} {f}={v} saved",
    "    {f} = '{v}'", "{f}\t{v}",
]  # fmt: skip
