"""Sentences in the other languages of the sample web: same grammar of picks, slots drawn once each.

Each language has titles, sentences and word lists whose forms fit wherever they are used (gender
and case are fixed by the choice of words).
"""

LANGUAGES: dict[str, tuple[tuple[str, ...], tuple[str, ...], dict[str, tuple[str, ...]]]] = {
    "de": (
        ("Ein Besuch in {ort}", "Neues aus {ort}", "Geschichten aus {ort}", "{ort} im {monat}"),
        (
            "Am {tag} [traf sich|versammelte sich] der Gemeinderat von {ort}, um über [die neue "
            "Brücke|den Umbau der Schule|die Preise für Wasser] zu sprechen.",
            "Die [Bäckerei|Buchhandlung|Apotheke] neben {dem_haus} ist seit {zahl} Jahren in der "
            "Hand [derselben Familie|von drei Schwestern].",
            "Wer im {monat} nach {ort} kommt, findet [volle Märkte|leere Straßen|blühende Gärten] "
            "und [freundliche|neugierige] Leute.",
            "Vor {dem_haus} steht ein [alter|kleiner|krummer] Baum, unter dem [die Kinder "
            "spielen|abends gesungen wird|niemand parken darf].",
            "{name} erzählt gern von der Zeit, als [der Fluss noch zufror|es nur ein Telefon "
            "gab|die Bahn noch bis {ort} fuhr].",
            "Zum Mittagessen gab es {essen}, und [alle waren zufrieden|es blieb nichts übrig|der "
            "Hund bekam den Rest].",
            "Früher [arbeiteten|wohnten] hier viele Weber, heute [sind es nur noch "
            "wenige|erinnert ein Museum an sie].",
            "Das Wetter war {wetter}, aber das [störte niemanden|machte uns nichts aus].",
            "Im Keller {des_hauses} fand man {zahl} [alte Karten|Münzen|verstaubte Flaschen], die "
            "jetzt [im Museum liegen|verkauft werden sollen].",
            "{name} hat [das Fest|die Ausstellung|den Chor] gegründet und [leitet|besucht] alles "
            "noch heute.",
            "Man [hört|sagt], dass die Glocke von {ort} die [lauteste|älteste] im ganzen Tal ist.",
            "Nach dem Sturm mussten {zahl} Dächer [neu gedeckt|geflickt] werden, und [die "
            "Nachbarn halfen|es dauerte Wochen].",
            "Die Schule hat [eine neue Turnhalle|endlich genug Lehrer|einen Garten], und darüber "
            "[freuen sich|reden] alle.",
            "Wir sind [zu Fuß|mit dem Rad|mit dem letzten Zug] gekommen und [blieben drei "
            "Tage|wollten gar nicht mehr weg].",
            "[Am Abend|In der Nacht] wurde es still, nur {name} saß noch vor {dem_haus} und "
            "[las|rauchte|schwieg].",
            "Der Eintritt kostet nichts, [doch eine Spende ist willkommen|weil die Gemeinde "
            "zahlt].",
            "Auf dem Heimweg [verloren wir eine Tasche|sahen wir einen Fuchs|begann es zu "
            "regnen], was uns [zum Lachen brachte|nicht überraschte].",
            "Für den Winter [braucht|sucht] die Gemeinde noch Helfer, die [Schnee räumen|Holz "
            "hacken|Suppe kochen] können.",
            "{name} meint, dass man {essen} nur [hier|im {monat}] richtig [kochen|genießen] kann.",
            "Die nächste [Sitzung|Führung|Probe] findet am {tag} in {dem_haus} statt.",
            "Es gibt [keinen Grund zur Eile|viel zu tun], sagte die Bürgermeisterin und "
            "[lächelte|ging nach Hause].",
        ),
        {
            "ort": (
                "Kaltenbrück",
                "Niederwalden",
                "Sankt Ilgenstein",
                "Mühlhofen",
                "Grünau",
                "Altheide",
            ),
            "monat": ("Januar", "März", "Mai", "Juli", "September", "November"),
            "tag": ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"),
            "zahl": ("drei", "fünf", "zwölf", "zwanzig", "dreißig", "fünfzehn"),
            "name": ("Frau Köhler", "Herr Schröder", "Jürgen Weiß", "Änne Böhm", "Käthe Vogel"),
            "essen": ("Kartoffelsuppe", "Apfelkuchen", "Klöße mit Soße", "Grünkohl", "Käsespätzle"),
            "wetter": ("trüb und kühl", "schön und warm", "stürmisch", "so heiß wie selten"),
            "dem_haus": ("dem Rathaus", "dem Bahnhof", "dem alten Wirtshaus", "dem Kloster"),
            "des_hauses": ("des Rathauses", "des Bahnhofs", "des Klosters", "der Mühle"),
        },
    ),
    "fr": (
        (
            "Une journée à {ville}",
            "Nouvelles de {ville}",
            "{ville} au mois de {mois}",
            "Souvenirs de {ville}",
        ),
        (
            "Le {jour} matin, [le marché|la place] de {ville} se remplit de "
            "[voix|paniers|couleurs] et d'odeurs de {plat}.",
            "La mairie a [décidé|promis] de [réparer le pont|repeindre l'école|planter des "
            "arbres] avant le mois de {mois}.",
            "{nom} habite depuis {nombre} ans une maison [près de l'église|derrière la gare|au "
            "bord de l'eau].",
            "Les enfants [jouent|courent] sous les platanes pendant que leurs parents "
            "[bavardent|boivent un café].",
            "On raconte que la cloche du village a été [volée|cachée|vendue] pendant [la "
            "guerre|un hiver très froid].",
            "À midi, il y avait {plat} au menu, et [personne n'a rien laissé|c'était délicieux|le "
            "chien a eu le reste].",
            "Le temps était {temps}, mais cela [ne gênait personne|n'a pas duré].",
            "La vieille [boulangerie|librairie|pharmacie] va fermer [à la fin de l'année|au mois "
            "de {mois}], et tout le monde [le regrette|en parle].",
            "{nom} a [dirigé|accompagné] la chorale pendant {nombre} ans sans jamais [se "
            "plaindre|manquer une répétition].",
            "Autrefois, [le train|le bateau] venait jusqu'à {ville} ; aujourd'hui il faut "
            "[marcher|prendre le car].",
            "Dans le grenier de la mairie, on a trouvé {nombre} [lettres|cartes|tableaux] que "
            "[personne ne connaissait|le musée va exposer].",
            "Après l'orage, il a fallu [réparer les toits|dégager la route], et les voisins [se "
            "sont entraidés|ont partagé la soupe].",
            "L'école a reçu [de nouveaux livres|un jardin|un piano], ce qui [réjouit|amuse] "
            "beaucoup les élèves.",
            "Nous sommes arrivés [à pied|à vélo|par le dernier train] et nous sommes restés "
            "[trois jours|plus longtemps que prévu].",
            "Le soir, {nom} s'assoit devant la porte et [regarde les passants|raconte des "
            "histoires|ne dit rien].",
            "L'entrée est gratuite, mais [un don est toujours bienvenu|il faut réserver].",
            "Sur le chemin du retour, [nous avons vu un renard|il s'est mis à pleuvoir|nous avons "
            "perdu la carte].",
            "La prochaine [réunion|visite|répétition] aura lieu le {jour} à [la "
            "bibliothèque|l'ancienne gare].",
            "Selon {nom}, on ne prépare {plat} correctement qu'à {ville}.",
            "Il y a [beaucoup à faire|peu de bruit], dit le maire, et [c'est très bien ainsi|il "
            "faut de la patience].",
            "La rivière [déborde|gèle] parfois, et alors [l'école reste fermée|on sort les "
            "barques].",
        ),
        {
            "ville": (
                "Vaumarèle",
                "Saint-Orlais",
                "Clairbois",
                "Montrévy",
                "Beauterne",
                "Pontécour",
            ),
            "mois": ("janvier", "mars", "mai", "juin", "septembre", "décembre"),
            "jour": ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"),
            "nombre": ("trois", "cinq", "douze", "vingt", "trente", "quinze"),
            "nom": (
                "Madame Lefèvre",
                "Monsieur Bérard",
                "Hélène Géraud",
                "Rémi Châtel",
                "Zoé Favière",
            ),
            "plat": ("soupe à l'oignon", "tarte aux pommes", "poulet rôti", "gâteau au miel"),
            "temps": ("frais et nuageux", "doux", "très chaud", "gris comme en hiver"),
        },
    ),
    "es": (
        (
            "Un día en {pueblo}",
            "Noticias de {pueblo}",
            "{pueblo} en {mes}",
            "Recuerdos de {pueblo}",
        ),
        (
            "El {dia} por la mañana, el mercado de {pueblo} se llena de [voces|cestas|colores] y "
            "de olor a {plato}.",
            "El ayuntamiento ha [decidido|prometido] [arreglar el puente|pintar la "
            "escuela|plantar árboles] antes de {mes}.",
            "{nombre} vive desde hace {numero} años en una casa [junto a la iglesia|detrás de la "
            "estación|a la orilla del río].",
            "Los niños [juegan|corren] bajo los olmos mientras sus abuelos [charlan|toman el sol].",
            "Se cuenta que la campana del pueblo fue [robada|escondida|vendida] durante [la "
            "guerra|un invierno muy frío].",
            "A mediodía comimos {plato}, y [no sobró nada|estaba delicioso|el perro se llevó el "
            "resto].",
            "Hacía {tiempo}, pero eso [no molestaba a nadie|no duró mucho].",
            "La vieja [panadería|librería|farmacia] cerrará [a fin de año|en {mes}], y todo el "
            "mundo [lo lamenta|habla de ello].",
            "{nombre} [dirigió|acompañó] el coro durante {numero} años sin [quejarse|faltar a un "
            "ensayo].",
            "Antes [el tren|el barco] llegaba hasta {pueblo}; hoy hay que [caminar|tomar el "
            "autobús].",
            "En el desván del ayuntamiento encontraron {numero} [cartas|monedas|pinturas] que "
            "[nadie conocía|el museo mostrará].",
            "Después de la tormenta hubo que [reparar los tejados|limpiar el camino], y los "
            "vecinos [se ayudaron|compartieron la sopa].",
            "La escuela ha recibido [libros nuevos|un huerto|un piano], y los alumnos [están "
            "contentos|ya lo usan].",
            "Llegamos [a pie|en bicicleta|en el último tren] y nos quedamos [tres días|más de lo "
            "previsto].",
            "Por la noche, {nombre} se sienta delante de la puerta y [mira a la gente|cuenta "
            "historias|no dice nada].",
            "La entrada es gratuita, pero [se agradece una ayuda|conviene reservar].",
            "En el camino de vuelta [vimos un zorro|empezó a llover|perdimos el mapa].",
            "La próxima [reunión|visita|función] será el {dia} en [la biblioteca|la antigua "
            "estación].",
            "Según {nombre}, solo en {pueblo} saben preparar {plato}.",
            "Hay [mucho que hacer|poco ruido], dijo la alcaldesa, y [así está bien|hace falta "
            "paciencia].",
            "El río [se desborda|se seca] a veces, y entonces [la escuela cierra|todos hablan del "
            "tiempo].",
        ),
        {
            "pueblo": (
                "Valdeñora",
                "San Ildemar",
                "Peñarruz",
                "Montalbejo",
                "Arroyuelos",
                "Castromín",
            ),
            "mes": ("enero", "marzo", "mayo", "julio", "septiembre", "noviembre"),
            "dia": ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado"),
            "numero": ("tres", "cinco", "doce", "veinte", "treinta", "quince"),
            "nombre": ("Doña Ángela", "Don Julián", "Inés Muñoz", "Andrés Ibáñez", "Begoña Núñez"),
            "plato": (
                "sopa de ajo",
                "arroz con conejo",
                "tortilla",
                "lentejas",
                "pan recién hecho",
            ),
            "tiempo": ("frío", "mucho calor", "un viento fuerte", "buen tiempo"),
        },
    ),
    "pt": (
        ("Um dia em {vila}", "Notícias de {vila}", "{vila} em {mes}", "Memórias de {vila}"),
        (
            "Na {dia} de manhã, a feira de {vila} enche-se de [vozes|cestos|cores] e do cheiro de "
            "{prato}.",
            "A câmara [decidiu|prometeu] [consertar a ponte|pintar a escola|plantar árvores] "
            "antes de {mes}.",
            "{nome} mora há {numero} anos numa casa [junto à igreja|atrás da estação|à beira do "
            "rio].",
            "As crianças [brincam|correm] debaixo das árvores enquanto os avós "
            "[conversam|descansam].",
            "Conta-se que o sino da vila foi [roubado|escondido|vendido] durante [a guerra|um "
            "inverno muito frio].",
            "Ao almoço comemos {prato}, e [não sobrou nada|estava uma delícia|o cão ficou com o "
            "resto].",
            "O tempo estava {tempo}, mas isso [não incomodou ninguém|não durou muito].",
            "A velha [padaria|livraria|farmácia] vai fechar [no fim do ano|em {mes}], e toda a "
            "gente [lamenta|fala disso].",
            "{nome} [dirigiu|acompanhou] o coro durante {numero} anos sem [se queixar|faltar a um "
            "ensaio].",
            "Antigamente [o comboio|o barco] chegava até {vila}; hoje é preciso [caminhar|apanhar "
            "a camioneta].",
            "No sótão da câmara encontraram {numero} [cartas|moedas|pinturas] que [ninguém "
            "conhecia|o museu vai mostrar].",
            "Depois da tempestade foi preciso [reparar os telhados|limpar o caminho], e os "
            "vizinhos [ajudaram|partilharam a sopa].",
            "A escola recebeu [livros novos|uma horta|um piano], e os alunos [estão contentes|já "
            "o aproveitam].",
            "Chegámos [a pé|de bicicleta|no último comboio] e ficámos [três dias|mais do que o "
            "previsto].",
            "À noite, {nome} senta-se à porta e [olha para a rua|conta histórias|não diz nada].",
            "A entrada é gratuita, mas [uma oferta é bem-vinda|convém reservar].",
            "No caminho de volta [vimos uma raposa|começou a chover|perdemos o mapa].",
            "A próxima [reunião|visita|sessão] será na {dia}, [na biblioteca|na antiga estação].",
            "Segundo {nome}, só em {vila} sabem fazer {prato}.",
            "Há [muito que fazer|pouco barulho], disse a presidente, e [assim está bem|é preciso "
            "paciência].",
            "O rio [transborda|seca] às vezes, e então [a escola fecha|todos falam do tempo].",
        ),
        {
            "vila": (
                "Vale da Sorça",
                "Penamões",
                "São Lourim",
                "Ribeirão Alvo",
                "Montepão",
                "Carvalhães",
            ),
            "mes": ("janeiro", "março", "maio", "julho", "setembro", "novembro"),
            "dia": ("segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira"),
            "numero": ("três", "cinco", "doze", "vinte", "trinta", "quinze"),
            "nome": ("Dona Conceição", "o senhor João", "Inês Guimarães", "António Leitão"),
            "prato": ("sopa de feijão", "arroz de pato", "bolo de mel", "pão quente", "bacalhau"),
            "tempo": ("frio", "quente", "nublado", "ótimo"),
        },
    ),
    "it": (
        ("Una giornata a {paese}", "Notizie da {paese}", "{paese} a {mese}", "Ricordi di {paese}"),
        (
            "Il {giorno} mattina il mercato di {paese} si riempie di [voci|ceste|colori] e del "
            "profumo di {piatto}.",
            "Il comune ha [deciso|promesso] di [riparare il ponte|dipingere la scuola|piantare "
            "alberi] prima di {mese}.",
            "{nome} abita da {numero} anni in una casa [vicino alla chiesa|dietro la stazione|in "
            "riva al fiume].",
            "I bambini [giocano|corrono] sotto i tigli mentre i nonni [chiacchierano|prendono il "
            "caffè].",
            "Si racconta che la campana del paese fu [rubata|nascosta|venduta] durante [la "
            "guerra|un inverno molto freddo].",
            "A mezzogiorno abbiamo mangiato {piatto}, e [non è rimasto niente|era buonissimo|il "
            "cane ha avuto il resto].",
            "Il tempo era {tempo}, ma questo [non dava fastidio a nessuno|non è durato molto].",
            "La vecchia [panetteria|libreria|farmacia] chiuderà [alla fine dell'anno|a {mese}], e "
            "tutti [ne parlano|sono dispiaciuti].",
            "{nome} ha [diretto|accompagnato] il coro per {numero} anni senza mai "
            "[lamentarsi|saltare "
            "una prova].",
            "Una volta [il treno|il battello] arrivava fino a {paese}; oggi bisogna "
            "[camminare|prendere la corriera].",
            "Nella soffitta del municipio hanno trovato {numero} [lettere|monete|tele] che "
            "[nessuno conosceva|il museo esporrà].",
            "Dopo il temporale si sono dovuti [riparare i tetti|sgombrare i sentieri], e i vicini "
            "[si sono aiutati|hanno diviso la minestra].",
            "La scuola ha ricevuto [libri nuovi|un orto|un pianoforte], e gli alunni [sono "
            "contenti|lo usano già].",
            "Siamo arrivati [a piedi|in bicicletta|con l'ultimo treno] e siamo rimasti [tre "
            "giorni|più del previsto].",
            "La sera {nome} si siede davanti alla porta e [guarda la gente|racconta storie|non "
            "dice niente].",
            "L'ingresso è gratuito, ma [un'offerta è gradita|conviene prenotare].",
            "Sulla via del ritorno [abbiamo visto una volpe|ha cominciato a piovere|abbiamo perso "
            "la mappa].",
            "La prossima [riunione|visita|prova] sarà {giorno} [in biblioteca|nella vecchia "
            "stazione].",
            "Secondo {nome}, solo a {paese} sanno preparare {piatto}.",
            "C'è [molto da fare|poco rumore], ha detto la sindaca, e [va bene così|ci vuole "
            "pazienza].",
            "Il fiume a volte [straripa|gela], e allora [la scuola chiude|tutti parlano del "
            "tempo].",
        ),
        {
            "paese": (
                "Montalzano",
                "Castelvèro",
                "San Quirìo",
                "Borgolieto",
                "Vallescura",
                "Pratorsi",
            ),
            "mese": ("gennaio", "marzo", "maggio", "luglio", "settembre", "novembre"),
            "giorno": ("lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato"),
            "numero": ("tre", "cinque", "dodici", "venti", "trenta", "quindici"),
            "nome": ("la signora Niccolò", "il maestro Aldè", "Caterina Bassi", "Donato Ferrè"),
            "piatto": ("minestrone", "polenta", "torta di mele", "pane caldo", "coniglio arrosto"),
            "tempo": ("freddo", "caldo", "nuvoloso", "mite come in primavera"),
        },
    ),
    "ru": (
        ("День в деревне {место}", "Новости: {место}", "{место}: письма читателей"),
        (
            "В {день} утром на площади [собрались соседи|открылся рынок|играл оркестр], и пахло "
            "{еда}.",
            "[Совет|Староста] решил [починить мост|покрасить школу|посадить деревья] ещё до зимы.",
            "{имя} уже {число} лет живёт [возле церкви|за вокзалом|у самой реки].",
            "Дети [играют|бегают] под липами, а старики [беседуют|молчат] на лавке.",
            "Говорят, что колокол [украли|спрятали|продали] [во время войны|одной холодной зимой].",
            "На обед был {блюдо}, и [ничего не осталось|всем понравилось|собаке достались кости].",
            "Погода была {погода}, но это [никого не смущало|длилось недолго].",
            "Старую [пекарню|аптеку|библиотеку] закроют [в конце года|к лету], и все [об этом "
            "говорят|очень жалеют].",
            "{имя} много лет [пел|играл] в хоре и ни разу не [опоздал|пожаловался].",
            "Раньше сюда [ходил поезд|приплывал пароход], а теперь [надо идти пешком|ездит только "
            "автобус].",
            "На чердаке школы нашли {число} [писем|монет|картин], о которых [никто не "
            "знал|напишут в газете].",
            "После грозы пришлось [чинить крыши|расчищать дорогу], и соседи [помогали друг "
            "другу|варили суп на всех].",
            "Школа получила [новые книги|рояль|большой сад], и ученики [довольны|благодарят всех].",
            "Мы приехали [последним поездом|на велосипедах] и остались [на три дня|дольше, чем "
            "хотели].",
            "Вечером {имя} садится у ворот и [смотрит на дорогу|рассказывает истории|слушает "
            "птиц].",
            "Вход свободный, но [места лучше занять заранее|пожертвования приветствуются].",
            "На обратном пути [мы видели лису|начался дождь|мы потеряли карту].",
            "Следующее [собрание|занятие] будет в {день} [в библиотеке|на старом вокзале].",
            "Река иногда [замерзает|выходит из берегов], и тогда [школа закрыта|все говорят о "
            "погоде].",
            "Дел [много|хватает], сказал староста, и [все засмеялись|никто не спорил].",
        ),
        {
            "место": ("Верхние Ключи", "Озерки", "Новая Слобода", "Липовка", "Белый Мост"),
            "день": ("понедельник", "четверг", "субботу", "воскресенье"),
            "число": ("десять", "двенадцать", "двадцать", "тридцать", "сорок"),
            "имя": ("Иван Петрович", "дядя Фёдор", "учитель Смирнов", "сторож Кузьма"),
            "еда": ("свежим хлебом", "яблочным пирогом", "горячим чаем", "дымом и травой"),
            "блюдо": ("грибной суп", "рыбный пирог", "борщ", "картофель с укропом"),
            "погода": ("холодная и ясная", "тёплая", "пасмурная", "ветреная"),
        },
    ),
    "ja": (
        ("{町}の一日", "{町}からのお知らせ", "{月}の{町}"),
        (
            "{日}の朝、{町}の広場には[市場が開かれ|近所の人が集まり|音楽が流れ]、{料理}の匂いがしました。",
            "町役場は{月}までに[橋を直す|学校の壁を塗る|木を植える]ことを[決めました|約束しました]。",
            "{人}さんは[十年|二十年|三十年]前から[川のそば|駅の裏|お寺の隣]に住んでいます。",
            "子どもたちは木の下で[遊び|走り回り]、お年寄りは[おしゃべりを|昼寝を]しています。",
            "町の鐘は[戦争の時|ある寒い冬]に[盗まれた|隠された]と言われています。",
            "昼ごはんは{料理}で、[何も残りませんでした|とてもおいしかったです]。",
            "天気は[曇り|晴れ|雨]でしたが、誰も[気にしませんでした|文句を言いませんでした]。",
            "古い[パン屋|本屋|薬局]は[年末|{月}]に閉まるので、みんな[残念がっています|その話をしています]。",
            "{人}さんは長い間合唱団で[歌い|働き]、一度も[遅れた|休んだ]ことがありません。",
            "昔は{町}まで[汽車|船]が来ましたが、今は[歩く|バスに乗る]しかありません。",
            "学校の屋根裏で古い[手紙|地図|絵]が見つかり、[博物館に飾られます|新聞に載りました]。",
            "嵐のあと、[屋根を直し|道を片付け]なければならず、隣の人たちが[手伝いました|スープを作りました]。",
            "私たちは[歩いて|自転車で|最終列車で]着き、[三日間|予定より長く]泊まりました。",
            "夜になると{人}さんは門の前に座って[昔話をします|星を眺めます]。",
            "入場は無料ですが、[予約が必要です|寄付は歓迎です]。",
            "帰り道に[狐を見ました|雨が降り出しました|地図をなくしました]。",
            "次の[会議|見学|練習]は{日}に[図書館|古い駅]で行われます。",
            "川は時々[凍り|あふれ]、そうなると[学校は休みです|みんな天気の話をします]。",
            "やることは[たくさん|まだ]ありますと町長は言って[笑いました|帰りました]。",
        ),
        {
            "町": ("霧ヶ丘町", "白石川村", "松ノ浦", "青柳町", "星見台"),
            "日": ("月曜日", "水曜日", "金曜日", "土曜日"),
            "月": ("一月", "三月", "五月", "七月", "九月"),
            "料理": ("焼き魚", "味噌汁", "林檎の菓子", "温かいうどん"),
            "人": ("田中", "小林", "山口", "森"),
        },
    ),
}

# What a site of that language says around its articles: navigation, footer, consent.
FURNITURE: dict[str, tuple[tuple[str, ...], str, str]] = {
    "de": (
        ("Startseite", "Aktuelles", "Verein", "Kontakt"),
        "Alle Rechte vorbehalten",
        "Diese Seite verwendet Cookies.",
    ),
    "fr": (
        ("Accueil", "Actualités", "À propos", "Contact"),
        "Tous droits réservés",
        "Ce site utilise des cookies.",
    ),
    "es": (
        ("Inicio", "Noticias", "Quiénes somos", "Contacto"),
        "Todos los derechos reservados",
        "Este sitio usa cookies.",
    ),
    "pt": (
        ("Início", "Notícias", "Sobre nós", "Contactos"),
        "Todos os direitos reservados",
        "Este sítio usa cookies.",
    ),
    "it": (
        ("Home", "Notizie", "Chi siamo", "Contatti"),
        "Tutti i diritti riservati",
        "Questo sito usa i cookie.",
    ),
    "ru": (
        ("Главная", "Новости", "О нас", "Контакты"),
        "Все права защищены",
        "Сайт использует файлы cookie.",
    ),
    "ja": (
        ("ホーム", "お知らせ", "町について", "連絡先"),
        "無断転載を禁じます",
        "クッキーを使用しています。",
    ),
    "en": (
        ("Home", "News", "About", "Contact"),
        "All rights reserved",
        "This site uses cookies to improve your visit.",
    ),
}

# Charsets found on pages of that language besides UTF-8.
CHARSETS: dict[str, tuple[str, ...]] = {
    "de": ("iso-8859-1", "windows-1252"),
    "fr": ("iso-8859-1", "windows-1252"),
    "es": ("iso-8859-1", "windows-1252"),
    "pt": ("iso-8859-1", "windows-1252"),
    "it": ("iso-8859-1", "windows-1252"),
    "ru": ("windows-1251", "koi8-r"),
    "ja": ("euc-jp", "shift_jis"),
}
